/**
 * Yours: which requests are the learner's own. Frames do not say; the learner's own
 * sockets do. Those that have ended are kept: the page steps back to when they ran. No DOM.
 */

const MAX_KEPT = 256;

const NOBODY = new Map();

export class Yours {
  #byHost = new Map();

  /** Short id -> label of the learner's requests on a host. @returns {Map<number, string>} */
  of(engineHostId) {
    return this.#byHost.get(engineHostId) ?? NOBODY;
  }

  /** It is, or was, in the engine; an id that is told again keeps its place. */
  add(engineHostId, shortId, label = "") {
    const labels = this.#byHost.get(engineHostId) ?? new Map();
    this.#byHost.set(engineHostId, labels);
    labels.set(shortId, label);
    if (labels.size > MAX_KEPT) labels.delete(labels.keys().next().value);
  }

  /** Short ids start anew with each engine run. */
  forget(engineHostId) {
    this.#byHost.delete(engineHostId);
  }
}
