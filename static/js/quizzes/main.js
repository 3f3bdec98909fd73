/**
 * What htmx leaves to do: put the keyboard where the new question is, while a measured
 * question runs mark its blocks as yours in the grid, and ask the mentor about an answer.
 */

import { Measuring } from "./measuring.js";

const LABEL = "Your prediction";
let current = null;

/** @returns {boolean} whether nobody has taken it for theirs */
function tell(name, detail) {
  return document.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));
}

function follow() {
  const running = document.querySelector("[data-quiz-request]");
  const requestId = running?.dataset.quizRequest ?? "";
  if (requestId === (current?.requestId ?? "")) return;
  current?.close();
  current = null;
  if (!requestId) return;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  current = new Measuring(`${scheme}//${location.host}/ws/quiz/${requestId}/`, requestId, {
    onyours: (detail) => tell("servelab:yours", { ...detail, label: LABEL }),
    onfinished: () => document
      .querySelector("[data-quiz-request]")
      ?.dispatchEvent(new CustomEvent("quiz:finished")),
  });
}

function focusQuestion(event) {
  const isPoll = event.target.closest?.("[data-quiz-request]");
  const isFirst = event.target.closest?.('[hx-trigger="load"]');
  if (isFirst || (isPoll && document.querySelector("[data-quiz-request]"))) return;
  const alert = [...document.querySelectorAll('.quiz [role="alert"]')].find((p) => p.textContent.trim());
  const target = alert?.closest("form")?.querySelector("input:not([type=hidden]), select")
    ?? document.querySelector("[data-quiz-focus]");
  target?.focus();
}

/** Without a mentor on the page the link leads to one. */
document.addEventListener("click", (event) => {
  const why = event.target.closest?.("[data-quiz-why]");
  if (why && !tell("servelab:why", { answer: Number(why.dataset.quizWhy) })) event.preventDefault();
});
document.addEventListener("htmx:after:swap", (event) => {
  focusQuestion(event);
  follow();
});
follow();
