/** A WebSocket that comes back by itself, and says where it stands. */

import { NO_LEARNER } from "../close_codes.js";

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** Milliseconds before the next try: doubling, with a random half.
 * @param {number} attempt from 0
 */
export function backoffMs(attempt, random = Math.random) {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return most / 2 + (most / 2) * random();
}

export class Connection {
  #url;
  #handlers;
  #socket = null;
  #attempt = 0;
  #timer = null;

  /** @param handlers {onopen(), onmessage(object), onstate(string)} with the states
   *   "connecting", "connected", "waiting" (a try is due), "refused" (reload) */
  constructor(url, handlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  /** Connect now; also what "Try now" and a wake-up of the machine call. */
  connect() {
    if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return;
    clearTimeout(this.#timer);
    this.#handlers.onstate("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#handlers.onstate("connected");
      this.#handlers.onopen();
    });
    socket.addEventListener("message", ({ data }) => {
      this.#attempt = 0;
      this.#handlers.onmessage(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => this.#closed(code));
  }

  /** @returns {boolean} whether it went out */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #closed(code) {
    if (code === NO_LEARNER) {
      this.#handlers.onstate("refused");
      return;
    }
    this.#handlers.onstate("waiting");
    this.#timer = setTimeout(() => this.connect(), backoffMs(this.#attempt));
    this.#attempt += 1;
  }
}
