/**
 * LabSocket: the lab's WebSocket; comes back by itself, later and later.
 *
 *     const socket = new LabSocket(url, {frame, message, state});
 *     socket.send({type: "resync"});
 */

import { NO_LEARNER } from "../close_codes.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export class LabSocket {
  #url;
  #on;
  #socket = null;
  #waitMs = FIRST_WAIT_MS;
  #timer = 0;
  #numFailed = 0;

  /**
   * @param {string} url
   * @param {{frame: (bytes: ArrayBuffer) => void, message: (message: object) => void,
   *   state: (state: "open"|"closed"|"refused", num: number) => void}} on  num: attempts
   *   that failed in a row
   */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
    addEventListener("online", () => this.#retryNow());
    addEventListener("pageshow", (event) => event.persisted && this.#retryNow());
    this.#open();
  }

  /** Send a command; returns false when the socket is not open. */
  send(command) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#on.state("open", 0);
    socket.onmessage = ({ data }) => {
      this.#waitMs = FIRST_WAIT_MS;
      this.#numFailed = 0;
      if (typeof data === "string") this.#on.message(JSON.parse(data));
      else this.#on.frame(data);
    };
    socket.onclose = ({ code }) => {
      if (code === NO_LEARNER) {
        this.#on.state("refused", 0);
        return;
      }
      this.#numFailed += 1;
      this.#on.state("closed", this.#numFailed);
      this.#timer = setTimeout(() => this.#open(), this.#waitMs * (0.7 + Math.random()));
      this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
    };
    this.#socket = socket;
  }

  #retryNow() {
    if (this.#socket?.readyState === WebSocket.CLOSED) {
      this.#waitMs = FIRST_WAIT_MS;
      this.#open();
    }
  }
}

/** ws:// or wss:// of a path on this page's own server. */
export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
