/** The questions to begin with follow the section that is being read, and are those of
 * the section in view when they are shown again. */

import { sectionInView } from "./place.js";

const CALM_MS = 400;

/** @param {HTMLElement} box holds the buttons; its data-url answers with questions
 * @param {HTMLElement|null} contents marks the section in view */
export function followSection(box, contents) {
  let timer = null;
  let shown = "";
  const look = async () => {
    const section = sectionInView();
    if (!section || section === shown || box.hidden) return;
    shown = section;
    const answer = await fetch(`${box.dataset.url}?section=${encodeURIComponent(section)}`);
    const { questions } = answer.ok ? await answer.json() : { questions: [] };
    if (questions.length && section === shown) show(box, questions);
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => look().catch(() => (shown = "")), CALM_MS);
  };
  if (!contents) return;
  const observer = new MutationObserver(later);
  const changes = { attributes: true, attributeFilter: ["aria-current"], subtree: true };
  observer.observe(contents, changes);
  observer.observe(box, { attributes: true, attributeFilter: ["hidden"] });
}

function show(box, questions) {
  if (box.contains(document.activeElement)) return;
  box.replaceChildren(
    ...questions.map((question) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "mentor-example";
      button.textContent = question;
      return button;
    }),
  );
}
