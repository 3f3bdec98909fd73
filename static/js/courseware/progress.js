// Remembers what was read: a section whose end was on screen for a moment.

import { ask } from "../answers.js";

const READ_AFTER_MS = 1500;

export class ReadingProgress {
  #form;
  #timers = new Map();
  #observer;

  /** @param {HTMLFormElement} form posts anchors; works by its button without this. */
  constructor(form) {
    this.#form = form;
    this.#observer = new IntersectionObserver((entries) => this.#see(entries));
    for (const section of document.querySelectorAll(".chapter > section[aria-labelledby]")) {
      const link = document.querySelector(`.contents a[href="#${section.id}"]`);
      if (link && !("read" in link.dataset)) this.#observer.observe(endOf(section));
    }
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(this.#timers.get(target));
      if (!isIntersecting) continue;
      this.#timers.set(target, setTimeout(() => this.#send(target), READ_AFTER_MS));
    }
  }

  async #send(end) {
    const anchor = end.closest("section").id;
    const body = new FormData(this.#form);
    body.append("anchor", anchor);
    try {
      const answer = await ask(this.#form.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
      });
      this.#observer.unobserve(end);
      this.#show(anchor, await answer.json());
    } catch {
      // Not taken: the section is tried again when its end is seen again.
    }
  }

  #show(anchor, { read, sections }) {
    for (const link of document.querySelectorAll(`nav a[href="#${anchor}"]`)) link.dataset.read = "";
    for (const words of document.querySelectorAll("[data-progress]")) {
      words.textContent = `${read} of ${sections} read`;
    }
  }
}

/** The last thing in a section: what is read when it was on screen. */
function endOf(section) {
  return section.lastElementChild ?? section;
}
