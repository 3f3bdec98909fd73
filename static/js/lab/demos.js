/**
 * Demos: the one-click demonstrations, and what was measured in them.
 */

import { AWAY, BROKE, joined, waitingWords } from "./begun.js";
import { demoOutcome, waveRows } from "./words.js";

const STOP_AGAIN_MS = 5_000;
const LOST =
  "The connection broke, and this demonstration with it: nothing more is sent, and what is " +
  "under way ends by itself.";

export class Demos {
  #parts;
  #send;
  #names = new Map();
  #running = null;
  #seen = null;
  /** When one was sent that the server has said nothing of; null: none. */
  #askedMs = null;
  /** When the learner's requests were told to stop; null: they are not. */
  #stopMs = null;
  #now;
  /** Why the last one did not come to its end; "" before. */
  #trouble = "";
  /** Ids of the learner's requests under way. @type {Set<string>} */
  #open = new Set();
  #why = "No engine is ready yet.";

  /**
   * @param {{buttons: HTMLButtonElement[], stop: HTMLButtonElement, words: HTMLElement,
   *   table: HTMLTableElement}} parts
   * @param {(command: object) => boolean} send
   */
  constructor(parts, send, now = () => Date.now()) {
    this.#parts = parts;
    this.#send = send;
    this.#now = now;
    for (const button of parts.buttons) {
      this.#names.set(button.dataset.demo, button.textContent.trim());
      button.addEventListener("click", () => this.#start(button.dataset.demo));
    }
    parts.stop.addEventListener("click", () => this.#stop());
    this.allow(this.#why);
  }

  /** The button's words of a demonstration. */
  label(name) {
    return this.#names.get(name) ?? name;
  }

  /** The demonstration that runs; null: none. */
  get running() {
    return this.#running;
  }

  /** Whether a demonstration can be sent: "" or the reason why not. */
  allow(why) {
    const { buttons, stop, words } = this.#parts;
    const isBusy = this.#running !== null || this.#askedMs !== null;
    for (const button of buttons) button.disabled = Boolean(why) || isBusy;
    stop.disabled = this.#open.size === 0;
    const { kind } = words.dataset;
    const isTold = ["why", "error"].includes(kind);
    if (!isBusy && (why || isTold)) this.#tell(joined(this.#trouble, why), this.#trouble ? "error" : "why");
    if (this.#stopMs !== null) this.#stopAgain();
    const waits = this.#askedMs === null ? "" : waitingWords(this.#now() - this.#askedMs);
    if (waits) this.#tell(waits, "asked");
    this.#why = why;
  }

  #start(name) {
    if (!this.#send({ type: "demo", name })) {
      this.#trouble = AWAY;
      this.#tell(AWAY, "error");
      return;
    }
    this.#askedMs = this.#now();
    this.#trouble = "";
    this.allow(this.#why);
  }

  #stop() {
    this.#stopMs = this.#send({ type: "stop" }) ? this.#now() : null;
    if (this.#stopMs === null) return;
    this.#tell(
      "Stopping. Between two steps the engine takes the requests out: full blocks turn " +
        "cached, the partly filled ones free.",
      "stopping",
    );
  }

  /** A stop is kept nowhere: it is sent again until nothing is under way. */
  #stopAgain() {
    if (this.#open.size === 0) this.#stopMs = null;
    else if (this.#now() - this.#stopMs >= STOP_AGAIN_MS && this.#send({ type: "stop" })) this.#stopMs = this.#now();
  }

  /** A "demo.begin" message. */
  begin(message, counters) {
    this.#askedMs = null;
    this.#trouble = "";
    this.#running = message.name;
    this.#seen = { maxRunning: 0, maxWaiting: 0, evictions: 0, from: counters };
    this.#tabulate([]);
    this.#tell(message.watch, "watch");
    this.allow(this.#why);
  }

  /** Counters of a frame while one runs. */
  watch(counters) {
    const seen = this.#seen;
    if (!seen || !counters) return;
    seen.from ??= counters;
    seen.maxRunning = Math.max(seen.maxRunning, counters.numRunning);
    seen.maxWaiting = Math.max(seen.maxWaiting, counters.numWaiting);
    seen.evictions = Math.max(0, counters.numEvictions - seen.from.numEvictions);
  }

  /** A "demo.end" message. */
  end(message) {
    if (message.name === "batch") this.#tabulate(message.waves);
    this.#tell(demoOutcome(message, this.#seen ?? { maxRunning: 0, maxWaiting: 0, evictions: 0 }), "outcome");
    this.#running = null;
    this.#seen = null;
    this.#open.clear();
    this.allow(this.#why);
  }

  /** A request of the learner's begins or ends. */
  track(requestId, isOpen) {
    if (isOpen) this.#open.add(requestId);
    else this.#open.delete(requestId);
    this.#parts.stop.disabled = this.#open.size === 0;
  }

  /** The connection broke: what ran here is over. */
  lose() {
    const wasAsked = this.#askedMs !== null;
    if (!wasAsked && this.#running === null) return;
    this.#askedMs = null;
    this.#running = null;
    this.#seen = null;
    this.#open.clear();
    this.#trouble = wasAsked ? BROKE : LOST;
    this.#tell(this.#trouble, "error");
  }

  /** A sentence from the server; it is always about this. */
  refuse(sentence) {
    this.#askedMs = null;
    this.#trouble = sentence;
    this.#tell(sentence, "error");
    this.allow(this.#why);
    return true;
  }

  #tabulate(waves) {
    const { table } = this.#parts;
    table.hidden = waves.length === 0;
    const rows = waveRows(waves).map(([name, ...values]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      row.append(head);
      for (const value of values) {
        const cell = row.insertCell();
        cell.className = "number";
        cell.textContent = value;
      }
      return row;
    });
    table.tBodies[0].replaceChildren(...rows);
  }

  #tell(sentence, kind) {
    const { words } = this.#parts;
    if (words.textContent !== sentence) words.textContent = sentence;
    words.dataset.kind = kind;
  }
}
