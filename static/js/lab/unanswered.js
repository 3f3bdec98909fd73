/**
 * Unanswered: how long nobody has answered what a view asks again and again. What does
 * not go out is no question: the header says then that there is no connection.
 */

/** Three questions without a word. */
export const SILENT_MS = 6_000;
export const SILENT = "The engine’s host has not answered for some seconds: it is asked again by itself.";

export class Unanswered {
  #sinceMs = null;

  /** One more question. @param {boolean} isSent  whether it went out */
  asked(isSent, nowMs) {
    if (isSent) this.#sinceMs ??= nowMs;
    else this.answered();
  }

  answered() {
    this.#sinceMs = null;
  }

  /** Whether an answer is owed. */
  get isOwed() {
    return this.#sinceMs !== null;
  }

  /** What is to be said of it; "" for nothing. */
  words(nowMs) {
    return this.#sinceMs !== null && nowMs - this.#sinceMs >= SILENT_MS ? SILENT : "";
  }
}
