/**
 * Followed: the engine host that is looked at, told whenever it or its status is another.
 * No DOM.
 */

export class Followed {
  #engines;
  #stage;
  #tell;
  #key = "";

  /**
   * @param {import("./engines.js").Engines} engines
   * @param {import("./stage.js").Stage} stage
   * @param {(status: object|null) => void} tell  an EngineStatus; null: there is no host
   */
  constructor(engines, stage, tell) {
    this.#engines = engines;
    this.#stage = stage;
    this.#tell = tell;
  }

  /** Of the learner's choice, else of the host whose frames come. */
  get status() {
    return this.#engines.statusOf(this.#engines.chosen ?? this.#stage.live.engineHostId);
  }

  /** A status has come, a host was chosen, or frames of another one come. */
  note() {
    const { status } = this;
    const key = JSON.stringify(status);
    if (key === this.#key) return;
    this.#key = key;
    this.#tell(status);
  }
}
