/** One measured request's events from its socket. No DOM. */

import { NO_LEARNER, NOT_YOURS } from "../close_codes.js";

const RETRY_MS = 1_500;

export class Measuring {
  #url;
  #handlers;
  #socket = null;
  #yours = null;
  #isClosed = false;

  /**
   * @param {string} url
   * @param {string} requestId
   * @param {{onyours: (detail: object) => void, onfinished: () => void}} handlers
   * @param {typeof WebSocket} [Socket]
   */
  constructor(url, requestId, handlers, Socket = globalThis.WebSocket) {
    this.requestId = requestId;
    this.#url = url;
    this.#handlers = handlers;
    this.#open(Socket);
  }

  #open(Socket) {
    if (this.#isClosed) return;
    this.#socket = new Socket(this.#url);
    this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    // The page asks by itself too: a lost socket only costs the marks in the grid.
    this.#socket.onclose = ({ code }) => {
      if (!this.#isClosed && code !== NO_LEARNER && code !== NOT_YOURS) setTimeout(() => this.#open(Socket), RETRY_MS);
    };
  }

  #receive({ engineHostId, shortId, phase }) {
    if (!phase) return;
    if (phase === "finished") {
      this.#forget();
      this.#handlers.onfinished();
    } else if (shortId !== null && shortId !== this.#yours?.shortId) {
      this.#forget();
      this.#yours = { engineHostId, shortId };
      this.#handlers.onyours({ ...this.#yours, state: "add" });
    }
  }

  #forget() {
    if (this.#yours) this.#handlers.onyours({ ...this.#yours, state: "remove" });
    this.#yours = null;
  }

  close() {
    this.#isClosed = true;
    this.#forget();
    this.#socket?.close();
  }
}
