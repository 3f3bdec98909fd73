/** Notices a socket that is half dead: it does not open, or no word goes either way, and
 * no close comes. */

/** Nothing was heard for so long: ask whether somebody is there. */
export const QUIET_MS = 10_000;
/** So long an answer may take. */
export const PATIENCE_MS = 8_000;
/** So long a socket may take to open: a network that swallows packets never says no. */
export const OPENING_MS = 15_000;
/** The network has changed: one that was begun so long ago went over the old one. */
const FRESH_MS = 2_000;
const TICK_MS = 1_000;
/** Between two ticks: the machine slept, or its clock was set. */
const SLEPT_MS = 5_000;

export class Heartbeat {
  #on;
  #now;
  #heardMs = 0;
  #askedMs = null;
  #isOpening = false;
  #tickedMs = 0;
  #timer = null;

  /** @param {{ping: () => void, lost: () => void}} on */
  constructor(on, now = () => Date.now()) {
    this.#on = on;
    this.#now = now;
  }

  /** A socket is on its way: it is lost too where it does not open. */
  opening() {
    this.begin();
    this.#isOpening = true;
    this.#askedMs = this.#now();
  }

  /** The socket is open. */
  begin() {
    this.heard();
    this.#isOpening = false;
    this.#tickedMs = this.#now();
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
    if (this.#timer === null) return;
    if (this.#isOpening) {
      if (this.#now() - this.#askedMs >= FRESH_MS) this.#lose();
      return;
    }
    if (this.#askedMs !== null) return;
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
    const passedMs = now - this.#tickedMs;
    this.#tickedMs = now;
    if (passedMs < 0 || passedMs > SLEPT_MS) {
      // What was counted tells nothing any more.
      this.#heardMs = now;
      this.ask();
      if (this.#askedMs !== null) this.#askedMs = now;
    } else if (this.#askedMs !== null) {
      if (now - this.#askedMs >= (this.#isOpening ? OPENING_MS : PATIENCE_MS)) this.#lose();
    } else if (now - this.#heardMs >= QUIET_MS) {
      this.ask();
    }
  }

  #lose() {
    this.end();
    this.#on.lost();
  }
}

/** Call `wake` when the page may have lost its network without being told. */
export function onWake(wake) {
  addEventListener("online", wake);
  addEventListener("offline", wake);
  addEventListener("pageshow", (event) => event.persisted && wake());
  document.addEventListener("visibilitychange", () => document.hidden || wake());
}
