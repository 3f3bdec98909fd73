/** Question, answer and the learner's own blocks on one screen: from the first question
 * on the grid is smaller and stays above, the panel fills what is left below it. */

const NEAR_PX = 8;

export class Together {
  #instrument;
  #core;
  #panel;
  #above = 0;
  #alignedAt = -Infinity;

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
    this.#measure();
    this.#align();
  }

  /** A conversation without questions: the grid is large again. */
  end() {
    this.#instrument.classList.remove("is-asking");
  }

  /** The panel right below what stays above it. */
  #align() {
    this.#instrument.scrollTop = this.#panel.offsetTop - this.#above;
    this.#alignedAt = this.#instrument.scrollTop;
  }

  /** The room that is left; whoever has not scrolled away meanwhile stays aligned. */
  #measure() {
    const instrument = this.#instrument;
    if (!instrument.classList.contains("is-asking")) return;
    const handle = document.getElementById("lab-handle");
    const above = this.#core.offsetHeight + (handle?.offsetHeight ?? 0);
    const top = Math.max(0, instrument.getBoundingClientRect().top);
    const room = Math.min(instrument.clientHeight, window.innerHeight - top) - above;
    const wanted = `${Math.round(room)}px`;
    if (instrument.style.getPropertyValue("--mentor-room") !== wanted) {
      instrument.style.setProperty("--mentor-room", wanted);
    }
    const isAligned = Math.abs(instrument.scrollTop - this.#alignedAt) < NEAR_PX;
    const hasGrown = this.#above !== above;
    this.#above = above;
    if (hasGrown && isAligned) this.#align();
  }
}
