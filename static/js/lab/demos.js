/**
 * Demos: the one-click demonstrations, and what was measured in them.
 */

import { demoOutcome, waveRows } from "./words.js";

export class Demos {
  #parts;
  #send;
  #names = new Map();
  #running = null;
  #seen = null;
  /** Ids of the learner's requests under way. @type {Set<string>} */
  #open = new Set();
  #why = "No engine is ready yet.";

  /**
   * @param {{buttons: HTMLButtonElement[], stop: HTMLButtonElement, words: HTMLElement,
   *   table: HTMLTableElement}} parts
   * @param {(command: object) => boolean} send
   */
  constructor(parts, send) {
    this.#parts = parts;
    this.#send = send;
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
    for (const button of buttons) button.disabled = Boolean(why) || this.#running !== null;
    stop.disabled = this.#open.size === 0;
    const { kind } = words.dataset;
    if (this.#running === null && (why || kind === "why")) this.#tell(why, "why");
    this.#why = why;
  }

  #start(name) {
    if (!this.#send({ type: "demo", name })) {
      this.#tell("The connection is away. This begins by itself when it is back.", "error");
      return;
    }
    for (const button of this.#parts.buttons) button.disabled = true;
  }

  #stop() {
    for (const request_id of this.#open) this.#send({ type: "stop", request_id });
    this.#tell(
      "Stopping. Between two steps the engine takes the requests out: full blocks turn " +
        "cached, the partly filled ones free.",
      "stopping",
    );
  }

  /** A "demo.begin" message. */
  begin(message, counters) {
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
    if (this.#running === null) return;
    this.#running = null;
    this.#seen = null;
    this.#open.clear();
    this.#tell("The connection broke, so this demonstration was stopped.", "error");
  }

  /** A sentence from the server. */
  refuse(sentence) {
    this.#tell(sentence, "error");
    this.allow(this.#why);
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
    this.#parts.words.textContent = sentence;
    this.#parts.words.dataset.kind = kind;
  }
}
