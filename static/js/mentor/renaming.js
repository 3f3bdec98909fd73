/** Another title for the conversation on screen: a small form in the place of the list. */

import { isOfInputMethod } from "../composing.js";

export class Renaming {
  #parts;
  #conversation = null;

  /** @param parts {open, form, title, cancel, tools}: the button that opens it, the form
   *   and its field, the button that leaves it, what it takes the place of
   * @param handlers {onrename(id, title): boolean} whether it went out */
  constructor(parts, handlers) {
    this.#parts = parts;
    const { open, form, title, cancel } = parts;
    open.addEventListener("click", () => this.#show());
    cancel.addEventListener("click", () => this.#hide());
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isOfInputMethod(event)) this.#hide();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const words = title.value.trim();
      if (words && handlers.onrename(this.#conversation.id, words)) this.#hide();
    });
  }

  /** The conversation on screen, or null; another one ends what was begun. */
  show(conversation) {
    if (conversation?.id !== this.#conversation?.id && !this.#parts.form.hidden) this.#hide();
    this.#conversation = conversation;
    this.#parts.open.disabled = conversation === null;
  }

  #show() {
    const { form, title, tools } = this.#parts;
    title.value = this.#conversation.title;
    form.hidden = false;
    tools.classList.add("is-renaming");
    title.focus();
    title.select();
  }

  #hide() {
    const { form, tools, open } = this.#parts;
    form.hidden = true;
    tools.classList.remove("is-renaming");
    open.focus();
  }
}
