/** The questions to begin with follow the section that is being read. */

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
    timer = setTimeout(() => look().catch(() => {}), CALM_MS);
  };
  if (!contents) return;
  const changes = { attributes: true, attributeFilter: ["aria-current"], subtree: true };
  new MutationObserver(later).observe(contents, changes);
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
