// Battles: the page is loaded again once both evaluations are there, and keys press the buttons that name them.

const PAUSE_MS = 1000; // before asking again
const REMEMBERED = "judged-arena-keys";

const waiting = document.querySelector("[data-waits]");
if (waiting) {
  wait(waiting.dataset.waits);
}
const tick = document.querySelector("[data-shortcuts]");
if (tick) {
  listen(tick);
}

async function wait(address) {
  for (;;) {
    try {
      const response = await fetch(address);
      if (!response.ok || (await response.json()).status !== "queued") {
        break;
      }
    } catch {
      // The service is away for a moment.
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  location.reload();
}

function listen(tick) {
  tick.checked = localStorage.getItem(REMEMBERED) !== "off";
  tick.addEventListener("change", () => localStorage.setItem(REMEMBERED, tick.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (!tick.checked || isTyping || event.repeat || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const button = [...document.querySelectorAll("[data-shortcut]")].find(
      (each) => each.dataset.shortcut === event.key.toLowerCase(),
    );
    if (button) {
      event.preventDefault();
      button.click();
    }
  });
}
