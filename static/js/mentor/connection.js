/** A WebSocket that comes back by itself, and says where it stands. */

import { NO_LEARNER } from "../close_codes.js";
import { Heartbeat } from "../heartbeat.js";

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
  #heartbeat;

  /** @param handlers {onopen(), onmessage(object), onstate(string)} with the states
   *   "connecting", "connected", "waiting" (a try is due), "refused" (reload) */
  constructor(url, handlers) {
    this.#url = url;
    this.#handlers = handlers;
    this.#heartbeat = new Heartbeat({
      ping: () => this.send({ type: "ping" }),
      lost: () => this.#drop(),
    });
  }

  /** Connect now; also what "Try now" and a wake-up of the machine call. */
  connect() {
    if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return;
    clearTimeout(this.#timer);
    this.#handlers.onstate("connecting");
    const socket = new WebSocket(this.#url);
    const isOurs = () => socket === this.#socket;
    this.#socket = socket;
    this.#heartbeat.opening();
    socket.addEventListener("open", () => {
      if (!isOurs()) return;
      this.#heartbeat.begin();
      this.#handlers.onstate("connected");
      this.#handlers.onopen();
    });
    socket.addEventListener("message", ({ data }) => {
      if (!isOurs()) return;
      this.#attempt = 0;
      this.#heartbeat.heard();
      const message = JSON.parse(data);
      if (message.type !== "pong") this.#handlers.onmessage(message);
    });
    socket.addEventListener("close", ({ code }) => isOurs() && this.#closed(code));
  }

  /** The machine woke up or its network changed: a dead socket looks like a live one. */
  wake() {
    if (this.#socket?.readyState <= WebSocket.OPEN) this.#heartbeat.ask();
    else this.connect();
  }

  /** @returns {boolean} whether it went out */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Nobody answers: its close may take minutes, so it is not waited for. */
  #drop() {
    const dead = this.#socket;
    this.#heartbeat.end();
    this.#socket = null;
    dead.close();
    this.connect();
  }

  #closed(code) {
    this.#heartbeat.end();
    if (code === NO_LEARNER) {
      this.#handlers.onstate("refused");
      return;
    }
    this.#handlers.onstate("waiting");
    this.#timer = setTimeout(() => this.connect(), backoffMs(this.#attempt));
    this.#attempt += 1;
  }
}
