/** Notices a socket that is half dead: no word either way, and no close. */

/** Nothing was heard for so long: ask whether somebody is there. */
export const QUIET_MS = 10_000;
/** So long an answer may take. */
export const PATIENCE_MS = 8_000;
const TICK_MS = 1_000;

export class Heartbeat {
  #on;
  #now;
  #heardMs = 0;
  #askedMs = null;
  #timer = null;

  /** @param {{ping: () => void, lost: () => void}} on */
  constructor(on, now = () => Date.now()) {
    this.#on = on;
    this.#now = now;
  }

  /** The socket is open. */
  begin() {
    this.heard();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Anything came. */
  heard() {
    this.#heardMs = this.#now();
    this.#askedMs = null;
  }

  /** Ask now: the machine slept, or its network changed. */
  ask() {
    if (this.#timer === null || this.#askedMs !== null) return;
    this.#askedMs = this.#now();
    this.#on.ping();
  }

  end() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#askedMs = null;
  }

  #tick() {
    const now = this.#now();
    if (this.#askedMs !== null) {
      if (now - this.#askedMs < PATIENCE_MS) return;
      this.end();
      this.#on.lost();
    } else if (now - this.#heardMs >= QUIET_MS) {
      this.ask();
    }
  }
}

/** Call `wake` when the page may have lost its network without being told. */
export function onWake(wake) {
  addEventListener("online", wake);
  addEventListener("offline", wake);
  addEventListener("pageshow", (event) => event.persisted && wake());
  document.addEventListener("visibilitychange", () => document.hidden || wake());
}
