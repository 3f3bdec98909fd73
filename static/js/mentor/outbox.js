/**
 * The question that the server has not taken yet: kept in this tab, under an id of its
 * own, until it has. The server takes an id once, so sending again asks nothing twice.
 */

const KEPT_AS = "servelab:question";
/** Without a word of the server it is said, */
export const SLOW_MS = 5_000;
/** and sent again. */
export const AGAIN_MS = 10_000;
export const NOT_CONNECTED =
  "Not connected to the server yet: your question is kept and goes out by itself.";
export const NOT_TAKEN =
  "The server has not taken your question yet: it is kept and sent again by itself.";

/** 32 hex digits; randomUUID() is only there on pages with TLS. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  #send;
  #store;
  #now;
  #pending = null;
  #isReady = false;

  /**
   * @param {(message: object) => boolean} send  whether it went out
   * @param {{getItem, setItem, removeItem}|null} store  the tab's; null: none
   */
  constructor(send, store, now = () => Date.now()) {
    this.#send = send;
    this.#store = store;
    this.#now = now;
    try {
      this.#pending = JSON.parse(store?.getItem(KEPT_AS) ?? "null");
    } catch {
      this.#pending = null;
    }
  }

  /** {ref, question, sentMs} of what waits, or null. */
  get pending() {
    return this.#pending && { ...this.#pending.message, sentMs: this.#pending.sentMs };
  }

  /** A new question; it goes out now, or when the server is there. */
  put(message) {
    const hasPlace = this.#isReady;
    this.#pending = { message: { ...message, key: newKey() }, hasPlace, sentMs: this.#now() };
    this.#keep();
    this.#flush();
  }

  /** The server is there and has said which conversation is shown. */
  ready(conversation) {
    this.#isReady = true;
    if (!this.#pending) return;
    if (!this.#pending.hasPlace) this.#pending.message.conversation ??= conversation;
    this.#pending.hasPlace = true;
    this.#pending.sentMs = this.#now();
    this.#flush();
  }

  /** The connection went. */
  away() {
    this.#isReady = false;
  }

  /** The server took or refused it, or the session is over. */
  clear() {
    this.#pending = null;
    this.#keep();
  }

  /** Every second: what is to be said of it; "" for nothing. */
  tick() {
    if (!this.#pending) return "";
    if (!this.#isReady) return NOT_CONNECTED;
    const now = this.#now();
    this.#pending.sentMs = Math.min(now, this.#pending.sentMs); // its clock was set back
    const waited = now - this.#pending.sentMs;
    if (waited >= AGAIN_MS) {
      this.#pending.sentMs = this.#now() - SLOW_MS;
      this.#flush();
    }
    return waited >= SLOW_MS ? NOT_TAKEN : "";
  }

  #flush() {
    if (this.#isReady) this.#send(this.#pending.message);
  }

  #keep() {
    try {
      if (this.#pending) this.#store?.setItem(KEPT_AS, JSON.stringify(this.#pending));
      else this.#store?.removeItem(KEPT_AS);
    } catch {
      // A full or forbidden store: it is kept as long as the page is.
    }
  }
}

/** This tab's store; null where the browser forbids it. */
export function tabStore() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
