// Keys of the label page: each presses the button, follows the link or enters the field that has it as `data-key`.

const FIELDS = "input, textarea, select";
const HAS_OWN_ENTER = "a, button, summary";

let isLeaving = false; // a label is on its way: a second key must not send another one

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
    return;
  }
  const at = document.activeElement;
  if (at?.matches(FIELDS)) {
    if (event.key === "Escape") {
      at.blur();
    }
    return;
  }
  if (event.key === "Enter" && at?.matches(HAS_OWN_ENTER)) {
    return;
  }
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
  if (target === null) {
    return;
  }
  event.preventDefault();
  if (event.repeat || isLeaving) {
    return;
  }
  if (target.matches(FIELDS)) {
    target.closest("details")?.setAttribute("open", "");
    target.focus();
  } else {
    target.click();
  }
});

document.addEventListener("submit", (event) => {
  if (isLeaving) {
    event.preventDefault();
  }
  isLeaving = true;
});

window.addEventListener("pageshow", () => {
  isLeaving = false; // also if the page comes back from the browser's memory
});
