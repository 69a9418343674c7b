// Live progress of jobs: the counts follow the server's events, and the page is loaded again at the end of one.

const STATUS_WORDS = {
  queued: "waiting to begin",
  running: "running",
  completed: "done",
  completed_with_errors: "done, with failures",
  cancelled: "cancelled",
};
const QUIET_MS = 5000; // between two sentences for screen readers

document.querySelectorAll("[data-events]").forEach(follow);

function follow(frame) {
  const field = (name) => frame.querySelector(`[data-field="${name}"]`);
  const bar = frame.querySelector("progress");
  let saidAt = 0;
  const events = new EventSource(frame.dataset.events);
  events.addEventListener("message", (event) => {
    const { status, counts } = JSON.parse(event.data);
    const done = counts.total - counts.pending;
    for (const shown of frame.querySelectorAll("[data-count]")) {
      shown.textContent = counts[shown.dataset.count].toLocaleString("en");
    }
    field("status").textContent = STATUS_WORDS[status] ?? status;
    field("done").textContent = done.toLocaleString("en");
    bar.value = done;
    if (Date.now() - saidAt > QUIET_MS) {
      saidAt = Date.now();
      field("said").textContent = `${done} of ${counts.total} judgments done`;
    }
    if (counts.pending === 0) {
      events.close();
      if (!document.querySelector("input:focus, select:focus")) {
        location.reload(); // unless somebody is filling in a form
      }
    }
  });
}
