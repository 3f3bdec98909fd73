/**
 * LastMinute: keeps the last minute of the host that is looked at, and goes to the page
 * that asks what would have been.
 */

export class LastMinute {
  #parts;
  #ask;
  #go;
  /** EngineStatus of the followed host; null: none. */
  #engine = null;
  #isOfRecording = false;
  #isAsked = false;

  /**
   * @param {{button: HTMLButtonElement, words: HTMLElement}} parts
   * @param {(url: string, fields: object) => Promise<{whatif_url: string}>} ask
   * @param {(url: string) => void} go
   */
  constructor(parts, ask, go) {
    this.#parts = parts;
    this.#ask = ask;
    this.#go = go;
    parts.button.addEventListener("click", () => this.#press());
  }

  /** The engine that is looked at. */
  see(status) {
    this.#engine = status;
    this.#allow();
  }

  /** Whether what is shown is a recording itself. */
  watchesRecording(isShown) {
    this.#isOfRecording = isShown;
    this.#allow();
  }

  #allow() {
    const isReady = this.#engine?.state === "ready" && !this.#isOfRecording;
    this.#parts.button.disabled = this.#isAsked || !isReady;
  }

  async #press() {
    this.#isAsked = true;
    this.#allow();
    try {
      const { button } = this.#parts;
      const told = await this.#ask(button.dataset.url, { engine_host_id: this.#engine.engine_host_id });
      this.#go(told.whatif_url);
    } catch (error) {
      this.#parts.words.textContent = error.message;
    }
    this.#isAsked = false;
    this.#allow();
  }
}
