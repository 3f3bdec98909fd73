/** Question, answer and the learner's own blocks on one screen: from the first question
 * on the grid is smaller and stays above, the panel fills what is left below it. */

export class Together {
  #instrument;
  #core;
  #panel;

  /** @param {HTMLElement} instrument  @param {HTMLElement} core what stays above */
  constructor(instrument, core, panel) {
    this.#instrument = instrument;
    this.#core = core;
    this.#panel = panel;
    new ResizeObserver(() => this.#measure()).observe(core);
  }

  /** A question is on its way: bring all three on the screen. */
  begin() {
    this.#instrument.classList.add("is-asking");
    const handle = document.getElementById("lab-handle-toggle");
    const isFolded = handle?.checkVisibility?.() && handle.getAttribute("aria-expanded") === "false";
    if (isFolded) handle.click();
    this.#measure();
    this.#panel.scrollIntoView({ block: "start" });
  }

  /** A conversation without questions: the grid is large again. */
  end() {
    this.#instrument.classList.remove("is-asking");
  }

  #measure() {
    const handle = document.getElementById("lab-handle");
    const above = this.#core.offsetHeight + (handle?.offsetHeight ?? 0);
    this.#instrument.style.setProperty("--above-mentor", `${above}px`);
  }
}
