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
    this.#numFetched += 1;
    const number = this.#numFetched;
    let drawn;
    try {
      drawn = await (await ask(this.#box.dataset.url, { headers: AS_PART })).text();
    } catch {
      return; // The next message of the run asks again.
    }
    if (number === this.#numFetched) this.#show(drawn, kind === "progress");
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
