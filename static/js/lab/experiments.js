/**
 * Experiments: the chosen one's form, its run on the engine, and its result.
 */

import { ask } from "../answers.js";
import { AWAY, BROKE, joined, waitingWords } from "./begun.js";

const UNSEEN = "The run is over and kept, but its result did not come: reload the page to see it.";
const LOST = "The connection broke, so the run was stopped.";

export class Experiments {
  #parts;
  #send;
  #isRunning = false;
  /** When one was sent that the server has said nothing of; null: none. */
  #askedMs = null;
  #now;
  /** Why the last one did not come to its end; "" before. */
  #trouble = "";
  #why = "No engine is ready yet.";
  #runId = "";
  /** Counts what is fetched: an older answer never replaces a newer one. */
  #numFetched = 0;

  /**
   * @param {Record<"card"|"form"|"run"|"runAll"|"stop"|"link"|"state"|"results"|"recorded", HTMLElement>} parts
   * @param {(command: object) => boolean} send
   */
  constructor(parts, send, now = () => Date.now()) {
    this.#parts = parts;
    this.#send = send;
    this.#now = now;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    parts.runAll?.addEventListener("click", () => {
      if (parts.form.reportValidity()) this.#start(true);
    });
    parts.form.addEventListener("input", () => this.#relink());
    parts.stop.addEventListener("click", () => this.#send({ type: "end" }));
    this.allow(this.#why);
  }

  /** Between the button and the first word of the server. */
  get #isAsked() {
    return this.#askedMs !== null;
  }

  get isRunning() {
    return this.#isRunning;
  }

  /** Of the newest run that this page has begun; "" before. */
  get runId() {
    return this.#runId;
  }

  get title() {
    return this.#parts.card.querySelector(".experiment-title").textContent;
  }

  /** Whether it can be run: "" or the reason why not. */
  allow(why) {
    const { run, runAll, state } = this.#parts;
    run.disabled = Boolean(why) || this.#isRunning || this.#isAsked;
    if (runAll) runAll.disabled = run.disabled;
    const isIdle = !this.#isRunning && !this.#isAsked;
    const isTold = ["why", "error"].includes(state.dataset.kind);
    if (isIdle && (why || isTold)) this.#tell(joined(this.#trouble, why), this.#trouble ? "error" : "why");
    const waits = this.#isAsked ? waitingWords(this.#now() - this.#askedMs) : "";
    if (waits) this.#tell(waits, "asked");
    const { recorded } = this.#parts;
    if (recorded && !("always" in recorded.dataset)) recorded.hidden = !why || this.#isRunning;
    this.#why = why;
  }

  #start(isForAll = false) {
    if (this.#parts.run.disabled) return;
    const query = queryOf(this.#parts.form);
    if (!this.#send({ type: "experiment", query, for_all: isForAll })) {
      this.#trouble = AWAY;
      this.#tell(AWAY, "error");
      return;
    }
    this.#askedMs = this.#now();
    this.#trouble = "";
    this.allow(this.#why);
  }

  /** The link and the page's address follow the settings. */
  #relink() {
    const settings = new URLSearchParams(queryOf(this.#parts.form));
    settings.delete("prediction");
    if (new URLSearchParams(location.search).has("projector")) settings.append("projector", "");
    this.#parts.link.href = `?${settings}`;
  }

  /** An "experiment.begin" message. */
  begin(message) {
    this.#askedMs = null;
    this.#isRunning = true;
    this.#trouble = "";
    this.#runId = message.run_id;
    this.#parts.stop.hidden = false;
    this.#tell(message.watch, "watch");
    this.allow(this.#why);
  }

  /** An "experiment.progress" message; with ``is_drawn`` there is something to see. */
  async progress(message) {
    this.#tell(message.sentence, "progress");
    if (message.is_drawn) await this.#draw(this.#runId);
  }

  /** An "experiment.end" message. */
  async end(message) {
    this.#over();
    this.#tell(message.state === "done" ? "" : message.sentence, message.state);
    if (message.experiment !== this.#parts.card.dataset.experiment) return;
    if (!(await this.#draw(message.run_id))) {
      if (!document.getElementById(`run-${message.run_id}`)) this.#tell(UNSEEN, "error");
      return;
    }
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#parts.results.firstElementChild?.scrollIntoView({
      block: "nearest", behavior: isCalm ? "auto" : "smooth",
    });
  }

  /** A run as the server draws it now, before all older ones; whether it came. */
  async #draw(runId) {
    this.#numFetched += 1;
    const number = this.#numFetched;
    let drawn;
    try {
      drawn = await (await ask(this.#parts.card.dataset.runUrl.replace("RUN", runId))).text();
    } catch {
      return false;
    }
    if (!drawn || number !== this.#numFetched) return false;
    const { results } = this.#parts;
    document.getElementById(`run-${runId}`)?.remove();
    for (const older of results.querySelectorAll(":scope > details")) older.open = false;
    results.insertAdjacentHTML("afterbegin", drawn);
    return true;
  }

  /** A sentence from the server; returns whether it was about this. */
  refuse(sentence) {
    if (!this.#isAsked && this.#trouble !== AWAY) return false;
    this.#askedMs = null;
    this.#trouble = sentence;
    this.#tell(sentence, "error");
    this.allow(this.#why);
    return true;
  }

  /** The connection broke: what ran here is over. */
  lose() {
    if (!this.#isRunning && !this.#isAsked) return;
    this.#trouble = this.#isAsked ? BROKE : LOST;
    this.#over();
    this.#tell(this.#trouble, "error");
  }

  #over() {
    this.#isRunning = false;
    this.#askedMs = null;
    this.#parts.stop.hidden = true;
    this.allow(this.#why);
  }

  #tell(sentence, kind) {
    const { state } = this.#parts;
    state.dataset.kind = kind;
    if (state.textContent !== sentence) state.textContent = sentence;
  }
}

/** The form as a query. @param {HTMLFormElement} form */
export function queryOf(form) {
  return new URLSearchParams(new FormData(form)).toString();
}
