/**
 * What htmx leaves to do: put the keyboard where the new question is, and while a
 * measured question runs mark its blocks as yours in the grid.
 */

import { Measuring } from "./measuring.js";

const LABEL = "Your prediction";
let current = null;

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
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

document.addEventListener("htmx:after:swap", (event) => {
  focusQuestion(event);
  follow();
});
follow();
