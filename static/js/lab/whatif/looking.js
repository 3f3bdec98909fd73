/**
 * Looking: how far a rehearsal is, as the server draws it, until it has ended; and that
 * the server does not answer, where it does not.
 */

import { isOurs } from "../../answers.js";

/** So long one answer may take, */
const PATIENCE_MS = 8_000;
/** and so long there may be none before it is said. */
const SLOW_MS = 5_000;
const GONE = "This rehearsal, or its recording, is not there any more.";

export class Looking {
  #result;
  #now;
  #heardMs;

  /** @param {HTMLElement} result  what the server draws anew */
  constructor(result, now = () => Date.now()) {
    this.#result = result;
    this.#now = now;
    this.#heardMs = now();
  }

  /** One look; whether there is more to come. */
  async look() {
    const url = this.#result.querySelector("#whatif-standing")?.dataset.url;
    if (!url) return false;
    const status = await this.#fetch(url);
    if (status === 404) {
      this.#say(GONE);
      return false;
    }
    if (status !== 200) this.#sayHowLong();
    return true;
  }

  /** The status of the answer; 0 for none. */
  async #fetch(url) {
    try {
      const answer = await fetch(url, {
        headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (!isOurs(answer)) return 0;
      if (answer.ok) {
        this.#result.innerHTML = await answer.text();
        this.#heardMs = this.#now();
      }
      return answer.status;
    } catch {
      return 0;
    }
  }

  #sayHowLong() {
    const waited = this.#now() - this.#heardMs;
    if (waited < SLOW_MS) return;
    this.#say(`The server has not answered for ${Math.floor(waited / 1000)}\u202fs: it is asked again by itself.`);
  }

  #say(words) {
    const sentence = this.#result.querySelector(".whatif-sentence");
    if (sentence) sentence.textContent = words;
  }
}
