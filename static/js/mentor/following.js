/** What the transcript shows by itself: a new question at its top, then the newest words,
 * until the reader scrolls up; at the end it follows again. Room that the grid takes or
 * gives does not count as scrolling. */

const NEAR_END_PX = 40;

export class Following {
  #log;
  #isOn = true;
  #top = null;
  #scrollTop = 0;

  /** @param {HTMLElement} log what scrolls */
  constructor(log) {
    this.#log = log;
    log.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#place()).observe(log);
  }

  /** A turn from its beginning: what the course says is read from there. */
  begin(turn) {
    this.#isOn = true;
    this.#top = turn;
    this.#place();
  }

  /** The newest words, unless the reader has scrolled away from them. */
  follow() {
    this.#top = null;
    this.#place();
  }

  /** The newest words, wherever the reader was. */
  toEnd() {
    this.#isOn = true;
    this.follow();
  }

  /** The answer is complete: it is read where it stands. */
  rest() {
    this.#isOn = false;
  }

  #place() {
    if (!this.#isOn) return;
    const log = this.#log;
    log.scrollTop = this.#top
      ? log.scrollTop + this.#top.getBoundingClientRect().top - log.getBoundingClientRect().top
      : log.scrollHeight;
    this.#scrollTop = log.scrollTop;
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (isAtEnd && !this.#top) this.#isOn = true;
    else if (scrollTop < this.#scrollTop) this.#isOn = false;
    this.#scrollTop = scrollTop;
  }
}
