/**
 * LabSocket: the lab's WebSocket; comes back by itself, later and later.
 *
 *     const socket = new LabSocket(url, {frame, message, state});
 *     socket.send({type: "resync"});
 */

import { NO_LEARNER } from "../close_codes.js";
import { Heartbeat, onWake } from "../heartbeat.js";
import { TOO_LATE } from "./begun.js";

/** What is asked for while there is no connection goes out if it comes back so soon. */
export const KEPT_MS = 30_000;
const KEPT = new Set(["demo", "experiment"]);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export class LabSocket {
  #url;
  #on;
  #socket = null;
  #waitMs = FIRST_WAIT_MS;
  #timer = 0;
  #numFailed = 0;
  #kept = null;
  #heartbeat;

  /**
   * @param {string} url
   * @param {{frame: (bytes: ArrayBuffer) => void, message: (message: object) => void,
   *   state: (state: "open"|"closed"|"refused", num: number) => void}} on  num: attempts
   *   that failed in a row
   */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
    this.#heartbeat = new Heartbeat({
      ping: () => this.send({ type: "ping" }),
      lost: () => this.#drop(),
    });
    onWake(() => this.#retryNow());
    this.#open();
  }

  /** Send a command; returns false when the socket is not open. A demonstration or an
   * experiment is kept then, and begins by itself when it is. */
  send(command) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      if (KEPT.has(command.type)) this.#kept = { command, sinceMs: Date.now() };
      return false;
    }
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    const isOurs = () => socket === this.#socket;
    socket.onopen = () => {
      if (!isOurs()) return;
      this.#heartbeat.begin();
      this.#on.state("open", 0);
      this.#sendKept();
    };
    socket.onmessage = ({ data }) => {
      if (!isOurs()) return;
      this.#heartbeat.heard();
      this.#waitMs = FIRST_WAIT_MS;
      this.#numFailed = 0;
      if (typeof data !== "string") {
        this.#on.frame(data);
        return;
      }
      const message = JSON.parse(data);
      if (message.type !== "pong") this.#on.message(message);
    };
    socket.onclose = ({ code }) => {
      if (!isOurs()) return;
      this.#heartbeat.end();
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
    this.#heartbeat.opening();
  }

  #sendKept() {
    const kept = this.#kept;
    this.#kept = null;
    if (kept === null) return;
    if (Date.now() - kept.sinceMs < KEPT_MS) this.send(kept.command);
    else this.#on.message({ type: "error", sentence: TOO_LATE });
  }

  /** Nobody answers: its close may take minutes, so it is not waited for. */
  #drop() {
    const dead = this.#socket;
    this.#heartbeat.end();
    this.#socket = null;
    dead.close();
    this.#numFailed += 1;
    this.#on.state("closed", this.#numFailed);
    this.#open();
  }

  #retryNow() {
    if (this.#socket?.readyState <= WebSocket.OPEN) {
      this.#heartbeat.ask();
    } else if (this.#socket?.readyState === WebSocket.CLOSED) {
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
