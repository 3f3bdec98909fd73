/**
 * ClassRun: the run that course staff have started for all, drawn by the server.
 */

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
    const answer = await fetch(this.#box.dataset.url);
    if (!answer.ok) return;
    const drawn = await answer.text();
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
    const answer = await fetch(form.action, {
      method: "POST", body: new FormData(form), headers: { "X-Fragment": "1" },
    });
    const text = await answer.text();
    if (answer.ok) this.#show(text, false);
    else form.querySelector(".class-fault").textContent = text;
  }
}
