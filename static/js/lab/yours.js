/**
 * Yours: which requests are the learner's own. Frames do not say; the learner's own
 * sockets do. No DOM.
 */

const NOBODY = new Map();

export class Yours {
  #byHost = new Map();

  /** Short id -> label of the learner's requests on a host. @returns {Map<number, string>} */
  of(engineHostId) {
    return this.#byHost.get(engineHostId) ?? NOBODY;
  }

  add(engineHostId, shortId, label = "") {
    const labels = this.#byHost.get(engineHostId) ?? new Map();
    this.#byHost.set(engineHostId, labels);
    labels.set(shortId, label);
  }

  remove(engineHostId, shortId) {
    this.#byHost.get(engineHostId)?.delete(shortId);
  }

  /** Short ids start anew with each engine run. */
  forget(engineHostId) {
    this.#byHost.delete(engineHostId);
  }
}
