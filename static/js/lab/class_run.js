/**
 * ClassRun: the run that course staff have started for all, drawn by the server.
 */

import { ask } from "../answers.js";

const AS_PART = { "X-Fragment": "1" };

export class ClassRun {
  #box;
  /** Counts what is fetched: an older answer never replaces a newer one. */
  #numFetched = 0;

  /** @param {HTMLElement} box  with the address of its part of the page */
  constructor(box) {
    this.#box = box;
    box.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#predict(event.target);
    });
  }

  /** A "class.run" message: look at it anew. A form that is being filled in stays. */
  async take({ kind }) {
    const drawn = await this.#fetch();
    if (drawn !== null) this.#show(drawn, kind === "progress");
  }

  /** The connection is back: what was said meanwhile was not heard. */
  async catchUp() {
    const drawn = await this.#fetch();
    const asks = formOf(this.#box.innerHTML);
    if (drawn !== null) this.#show(drawn, asks !== "" && asks === formOf(drawn));
  }

  /** The newest; null where it did not come, or a newer one is on its way. The next
   * message, or the next connection, looks again. */
  async #fetch() {
    this.#numFetched += 1;
    const number = this.#numFetched;
    try {
      const drawn = await (await ask(this.#box.dataset.url, { headers: AS_PART })).text();
      return number === this.#numFetched ? drawn : null;
    } catch {
      return null;
    }
  }

  #show(drawn, isResultOnly) {
    const shown = this.#box.querySelector(".class-result");
    if (!isResultOnly || !shown) {
      this.#box.innerHTML = drawn;
      return;
    }
    const fresh = document.createElement("div");
    fresh.innerHTML = drawn;
    const result = fresh.querySelector(".class-result");
    if (result) shown.replaceWith(result);
  }

  async #predict(form) {
    const posted = { method: "POST", body: new FormData(form), headers: AS_PART };
    try {
      this.#show(await (await ask(form.action, posted)).text(), false);
    } catch (error) {
      form.querySelector(".class-fault").textContent = error.message;
    }
  }
}

/** The run whose form for a prediction is drawn; "" for none. */
function formOf(drawn) {
  return /name="run" value="(\w+)"/.exec(drawn)?.[1] ?? "";
}
