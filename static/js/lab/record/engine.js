/**
 * LookedAt: the engine that is looked at, and whether it can be recorded now.
 */

export class LookedAt {
  /** EngineStatus of the followed host; null: none. @type {object|null} */
  status = null;
  #isOfRecording = false;
  #listeners = [];

  /** Call `changed` whenever it may be another. */
  onChange(changed) {
    this.#listeners.push(changed);
  }

  /** The engine that is looked at. */
  see(status) {
    this.status = status;
    this.#tell();
  }

  /** Whether what is shown is a recording itself. */
  watchesRecording(isShown) {
    this.#isOfRecording = isShown;
    this.#tell();
  }

  get isReady() {
    return this.status?.state === "ready" && !this.#isOfRecording;
  }

  #tell() {
    for (const changed of this.#listeners) changed();
  }
}
