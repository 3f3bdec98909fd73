/** Question, answer and the learner's own blocks on one screen: from the first question
 * on the grid is smaller and stays above, the panel fills what is left below it. */

const NEAR_PX = 8;

export class Together {
  #instrument;
  #core;
  #panel;
  #handle = document.getElementById("lab-handle");
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
    observer.observe(this.#handle);
    document.addEventListener("scroll", () => this.#measure(), { passive: true });
  }

  /** A question is on its way: bring all three on the screen. */
  begin() {
    this.#instrument.classList.add("is-asking");
    const toggle = this.#handle.querySelector("button");
    const isFolded = toggle.checkVisibility?.() && toggle.getAttribute("aria-expanded") === "false";
    if (isFolded) toggle.click();
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
    const above = this.#core.offsetHeight + this.#handle.offsetHeight;
    const top = Math.max(0, instrument.getBoundingClientRect().top);
    const room = Math.min(instrument.clientHeight, window.innerHeight - top) - above;
    this.#set("--mentor-room", room);
    this.#set("--handle-height", this.#handle.offsetHeight);
    const isAligned = Math.abs(instrument.scrollTop - this.#alignedAt) < NEAR_PX;
    const hasGrown = this.#above !== above;
    this.#above = above;
    if (hasGrown && isAligned) this.#align();
  }

  #set(name, lengthPx) {
    const { style } = this.#instrument;
    const wanted = `${Math.round(lengthPx)}px`;
    if (style.getPropertyValue(name) !== wanted) style.setProperty(name, wanted);
  }
}
