/**
 * Stopping: "stop" goes past all queues and is kept nowhere, so it is sent again until
 * the answer has ended. To stop twice does no harm.
 */

export const AGAIN_MS = 5_000;

export class Stopping {
  #send;
  #now;
  #sentMs = 0;

  /** @param {(message: object) => boolean} send  whether it went out */
  constructor(send, now = () => Date.now()) {
    this.#send = send;
    this.#now = now;
  }

  /** @returns {boolean} whether it went out */
  begin(turn) {
    if (!this.#send({ type: "stop", turn: turn.id })) return false;
    this.#sentMs = this.#now();
    turn.isStopping = true;
    return true;
  }

  /** Every second. @param {object|null} turn  the one that is open */
  tick(turn) {
    if (turn?.isStopping && this.#now() - this.#sentMs >= AGAIN_MS) this.begin(turn);
  }
}
