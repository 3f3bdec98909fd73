/**
 * Experiments: the chosen one's form, its run on the engine, and its result.
 */

const AWAY = "The connection is away. This begins by itself when it is back.";
const LOST = "The connection broke, so the run was stopped.";

export class Experiments {
  #parts;
  #send;
  #isRunning = false;
  /** Between the button and the first word of the server. */
  #isAsked = false;
  #why = "No engine is ready yet.";

  /**
   * @param {Record<"card"|"form"|"run"|"stop"|"link"|"state"|"results"|"recorded", HTMLElement>} parts
   * @param {(command: object) => boolean} send
   */
  constructor(parts, send) {
    this.#parts = parts;
    this.#send = send;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    parts.form.addEventListener("input", () => this.#relink());
    parts.stop.addEventListener("click", () => this.#send({ type: "end" }));
    this.allow(this.#why);
  }

  get isRunning() {
    return this.#isRunning;
  }

  get title() {
    return this.#parts.card.querySelector(".experiment-title").textContent;
  }

  /** Whether it can be run: "" or the reason why not. */
  allow(why) {
    const { run, state } = this.#parts;
    run.disabled = Boolean(why) || this.#isRunning || this.#isAsked;
    const isIdle = !this.#isRunning && !this.#isAsked;
    if (isIdle && (why || state.dataset.kind === "why")) this.#tell(why, "why");
    const { recorded } = this.#parts;
    if (recorded && !("always" in recorded.dataset)) recorded.hidden = !why || this.#isRunning;
    this.#why = why;
  }

  #start() {
    if (this.#parts.run.disabled) return;
    const query = queryOf(this.#parts.form);
    if (!this.#send({ type: "experiment", query })) {
      this.#tell(AWAY, "error");
      return;
    }
    this.#isAsked = true;
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
    this.#isAsked = false;
    this.#isRunning = true;
    this.#parts.stop.hidden = false;
    this.#tell(message.watch, "watch");
    this.allow(this.#why);
  }

  /** An "experiment.progress" message. */
  progress(message) {
    this.#tell(message.sentence, "progress");
  }

  /** An "experiment.end" message. */
  async end(message) {
    this.#over();
    this.#tell(message.state === "done" ? "" : message.sentence, message.state);
    const answer = await fetch(this.#parts.card.dataset.runUrl.replace("RUN", message.run_id));
    if (!answer.ok || message.experiment !== this.#parts.card.dataset.experiment) return;
    const { results } = this.#parts;
    for (const older of results.querySelectorAll(":scope > details")) older.open = false;
    results.insertAdjacentHTML("afterbegin", await answer.text());
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    results.firstElementChild?.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
  }

  /** A sentence from the server; returns whether it was about this. */
  refuse(sentence) {
    if (!this.#isAsked) return false;
    this.#isAsked = false;
    this.#tell(sentence, "error");
    this.allow(this.#why);
    return true;
  }

  /** The connection broke: what ran here is over. */
  lose() {
    if (!this.#isRunning && !this.#isAsked) return;
    this.#over();
    this.#tell(LOST, "error");
  }

  #over() {
    this.#isRunning = false;
    this.#isAsked = false;
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
