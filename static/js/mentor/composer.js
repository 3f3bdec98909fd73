/** What a question is made of: its words, its depth, and what it is about. */

import { isOfInputMethod } from "../composing.js";
import { sectionInView } from "./place.js";

export class Composer {
  #parts;
  #selected = "";
  #replaces = null;
  #quizAnswer = null;
  #lab = null;

  /** @param parts the form's elements  @param handlers {onask(), onlevel(level)} */
  constructor(parts, handlers) {
    this.#parts = parts;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      handlers.onask(parts.question.value);
    });
    parts.question.addEventListener("keydown", (event) => {
      if (!isSendKey(event)) return;
      event.preventDefault();
      handlers.onask(parts.question.value);
    });
    parts.levels.addEventListener("change", () => handlers.onlevel(this.level));
    parts.explain.addEventListener("click", () => handlers.onask("Explain this"));
    parts.unselect.addEventListener("click", () => {
      this.select("");
      parts.question.focus();
    });
    parts.unedit.addEventListener("click", () => {
      this.edit(null);
      parts.question.value = "";
      parts.question.focus();
    });
  }

  get level() {
    return this.#parts.levels.querySelector("input:checked")?.value ?? "standard";
  }

  set level(level) {
    const radio = [...this.#parts.levels.querySelectorAll("input")];
    for (const each of radio) each.checked = each.value === level;
  }

  /** The next question is about this text of the page; "" for none. */
  select(text) {
    this.#selected = text;
    this.#parts.selected.hidden = text === "";
    this.#parts.selectedWords.textContent = text;
  }

  /** The next question takes the place of this turn; null for none. */
  edit(turn) {
    this.#replaces = turn?.id ?? null;
    this.#parts.editing.hidden = turn === null;
    if (turn === null) return;
    this.#parts.question.value = turn.question;
    this.select(turn.selected ?? "");
    this.about(turn.quiz_answer ?? null);
    this.#parts.question.focus();
  }

  /** Only a turn among these can be replaced: of another conversation, or one that another
   * tab has replaced, the words that were edited become a question of their own. */
  keepTo(turns) {
    if (!turns.some(({ id }) => id === this.#replaces)) this.edit(null);
  }

  /** The next question is about this answer of a quiz; null for none. */
  about(quizAnswer) {
    this.#quizAnswer = quizAnswer;
  }

  /** What the viewer shows: {host, block, request}; null: nothing of a live engine. */
  see(lab) {
    this.#lab = lab;
  }

  /** All that goes with a question. */
  message() {
    return {
      level: this.level,
      section: sectionInView(),
      selected: this.#selected,
      replaces: this.#replaces,
      quiz_answer: this.#quizAnswer,
      lab: this.#lab,
    };
  }

  /** The question was taken: the next is about something else. */
  clear() {
    this.select("");
    this.edit(null);
    this.about(null);
  }
}

/** Enter sends; not with Shift, nor where it ends a word of an input method. */
export function isSendKey(event) {
  return event.key === "Enter" && !event.shiftKey && !isOfInputMethod(event);
}
