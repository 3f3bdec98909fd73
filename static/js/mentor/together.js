/** Question, answer and the learner's own blocks on one screen: from the first question
 * on the grid is smaller and stays above, the panel fills what is left below it. */

export class Together {
  #instrument;
  #core;
  #panel;

  /** @param {HTMLElement} instrument  @param {HTMLElement} core what stays above
   * @param {HTMLElement} panel */
  constructor(instrument, core, panel) {
    this.#instrument = instrument;
    this.#core = core;
    this.#panel = panel;
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(core);
    observer.observe(instrument);
    document.addEventListener("scroll", () => this.#measure(), { passive: true });
  }

  /** A question is on its way: bring all three on the screen. */
  begin() {
    this.#instrument.classList.add("is-asking");
    const handle = document.getElementById("lab-handle-toggle");
    const isFolded = handle?.checkVisibility?.() && handle.getAttribute("aria-expanded") === "false";
    if (isFolded) handle.click();
    this.#instrument.scrollTop = this.#panel.offsetTop - this.#measure();
  }

  /** A conversation without questions: the grid is large again. */
  end() {
    this.#instrument.classList.remove("is-asking");
  }

  /** @returns {number} height of what stays above the panel */
  #measure() {
    if (!this.#instrument.classList.contains("is-asking")) return 0;
    const handle = document.getElementById("lab-handle");
    const above = this.#core.offsetHeight + (handle?.offsetHeight ?? 0);
    const top = Math.max(0, this.#instrument.getBoundingClientRect().top);
    const room = Math.min(this.#instrument.clientHeight, window.innerHeight - top) - above;
    const wanted = `${Math.round(room)}px`;
    if (this.#instrument.style.getPropertyValue("--mentor-room") !== wanted) {
      this.#instrument.style.setProperty("--mentor-room", wanted);
    }
    return above;
  }
}
