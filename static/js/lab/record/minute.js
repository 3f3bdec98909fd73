/**
 * LastMinute: keeps the last minute of the host that is looked at, and goes to the page
 * that asks what would have been.
 */

export class LastMinute {
  #parts;
  #ask;
  #go;
  #engine;
  #isAsked = false;

  /**
   * @param {{button: HTMLButtonElement, words: HTMLElement}} parts
   * @param {import("./engine.js").LookedAt} engine
   * @param {(url: string, fields: object) => Promise<{whatif_url: string}>} ask
   * @param {(url: string) => void} go
   */
  constructor(parts, engine, ask, go) {
    this.#parts = parts;
    this.#engine = engine;
    this.#ask = ask;
    this.#go = go;
    parts.button.addEventListener("click", () => this.#press());
    engine.onChange(() => this.#allow());
  }

  #allow() {
    this.#parts.button.disabled = this.#isAsked || !this.#engine.isReady;
  }

  async #press() {
    this.#isAsked = true;
    this.#allow();
    try {
      const { button } = this.#parts;
      const told = await this.#ask(button.dataset.url, { engine_host_id: this.#engine.status.engine_host_id });
      this.#go(told.whatif_url);
    } catch (error) {
      this.#parts.words.textContent = error.message;
    }
    this.#isAsked = false;
    this.#allow();
  }
}
