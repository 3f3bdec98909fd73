/**
 * A part of a page that does not come, or that somebody else sends in its place: what
 * stands there stays, and why is said beside what asked for it.
 */

import { FAR, whyNot } from "./answers.js";

const SLOW_MS = 8_000;
const SLOW = "The server has not answered yet. What you entered is kept: it is waited for.";
const NOTE = "part-missing";
const timers = new WeakMap();

/** Where it is said: in the form that was sent, else in the part that would have changed. */
function placeOf({ sourceElement, target }) {
  return sourceElement.closest("form") ?? target ?? sourceElement;
}

/** Say it once; "" takes back what was said. */
function say(ctx, words) {
  const place = placeOf(ctx);
  const known = place.querySelector(`:scope > .${NOTE}`);
  if (known?.textContent === words) return;
  known?.remove();
  if (!words) return;
  const note = document.createElement("p");
  note.className = NOTE;
  note.setAttribute("role", "alert");
  note.textContent = words;
  if (place.matches("form")) place.append(note);
  else place.prepend(note);
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  timers.set(ctx, setTimeout(() => say(ctx, SLOW), SLOW_MS));
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  clearTimeout(timers.get(ctx));
});
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  clearTimeout(timers.get(ctx));
  const words = whyNot(ctx.response.raw, ctx.text);
  say(ctx, words);
  if (words) event.preventDefault();
});
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && ctx.text === undefined) say(ctx, FAR);
});
