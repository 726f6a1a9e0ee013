/**
 * Keeps an open page up to date: new posts, a new role, and the end of the session. The pages work without it as well; then
 * all that is seen at the next click.
 */
const main = document.querySelector("main");
const source = new EventSource("/live");

source.addEventListener("post", ({ data }) => {
  const timeline = document.querySelector("#posts");
  if (timeline === null) return;
  timeline.querySelector(".empty")?.remove();
  // HTML of our own server, in which all that people wrote is escaped.
  timeline.insertAdjacentHTML("afterbegin", JSON.parse(data));
});

source.addEventListener("role", ({ data }) => say(JSON.parse(data), "Show the page anew", location.href));
source.addEventListener("ended", ({ data }) => end(JSON.parse(data)));
// The browser connects again when a connection breaks. It gives up only when it is refused.
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) end("You are logged out on this device.");
});

addEventListener("pagehide", () => source.close());
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

/** Nothing on the page can be used any more but the way to the log-in. */
function end(text) {
  source.close();
  if (main.inert) return;
  main.inert = true;
  document.body.classList.add("ended");
  // What was being written is not lost: the log-in leads back to it, and it can be copied here.
  const draft = document.querySelector(".composer textarea")?.value.trim();
  const here = draft ? `/?draft=${encodeURIComponent(draft)}` : location.pathname + location.search;
  const note = say(text, "Log in again", `/login?returnTo=${encodeURIComponent(here)}`);
  if (draft) {
    const kept = document.createElement("textarea");
    Object.assign(kept, { value: draft, readOnly: true, rows: 3 });
    kept.setAttribute("aria-label", "Your text, which was not posted");
    note.append(kept);
  }
}

function say(text, link, href) {
  document.querySelector(".live-note")?.remove();
  const note = document.createElement("div");
  note.className = "live-note";
  note.setAttribute("role", "alert");
  const paragraph = document.createElement("p");
  const anchor = document.createElement("a");
  Object.assign(anchor, { className: "button", textContent: link, href });
  paragraph.append(text);
  note.append(paragraph, anchor);
  main.before(note);
  return note;
}
