/**
 * Recording: one press begins it on the host that is looked at, the next one ends it;
 * then it gets a name.
 *
 *     idle → recording → stopping → kept | failed
 */

const TICK_MS = 500;
const LOOK_EVERY_MS = 4_000;
const STOPPING_LOOK_EVERY_MS = 700;
const SLOW_MS = 5_000;

export class Recording {
  #parts;
  #ask;
  #engine;
  /** What the server told last; null while nothing is recorded. */
  #told = null;
  #beganMs = 0;
  #lookedMs = 0;
  /** When Stop was pressed last. */
  #stoppedMs = 0;
  /** Whether the host has answered that. */
  #isStopTold = false;
  /** Why it was not stopped, or what is not answered; "" where nothing is. */
  #trouble = "";
  #state = "idle";
  #timer = 0;

  /**
   * @param {Record<"form"|"button"|"words"|"kept"|"title"|"replay", HTMLElement>} parts
   * @param {import("./engine.js").LookedAt} engine
   * @param {(url: string, fields?: object) => Promise<object>} ask  POSTs the fields
   */
  constructor(parts, engine, ask) {
    this.#parts = parts;
    this.#engine = engine;
    this.#ask = ask;
    parts.button.addEventListener("click", () => this.#press());
    engine.onChange(() => this.#allow());
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#rename();
    });
  }

  #allow() {
    const mayBegin = this.#state === "recording" || this.#engine.isReady;
    this.#parts.button.disabled = this.#state === "stopping" || !mayBegin;
  }

  async #press() {
    if (this.#state === "recording") await this.#stop();
    else await this.#begin();
  }

  async #begin() {
    this.#trouble = "";
    this.#parts.button.disabled = true;
    this.#parts.kept.hidden = true;
    this.#say("Asking the engine’s host to record.");
    try {
      const told = await this.#ask(this.#parts.form.dataset.beginUrl, {
        engine_host_id: this.#engine.status.engine_host_id,
      });
      this.#beganMs = Date.now() - 1000 * told.elapsed_s;
      this.#lookedMs = Date.now();
      this.#turn("recording", told);
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    } catch (error) {
      this.#turn("refused", null, error.message);
    }
  }

  async #stop() {
    this.#trouble = "";
    this.#isStopTold = false;
    this.#stoppedMs = Date.now();
    this.#turn("stopping", this.#told, "Stopping.");
    try {
      const told = await this.#ask(this.#told.stop_url, {});
      this.#isStopTold = true;
      this.#note(told);
    } catch (error) {
      this.#trouble = error.message;
      this.#turn("recording", this.#told, error.message);
    }
  }

  #tick() {
    const now = Date.now();
    if (this.#state === "recording") this.#say([this.#trouble, this.#recordingWords(now)].filter(Boolean).join(" "));
    else this.#say(this.#stoppingWords(now));
    const every = this.#state === "stopping" ? STOPPING_LOOK_EVERY_MS : LOOK_EVERY_MS;
    if (now - this.#lookedMs < every) return;
    this.#lookedMs = now;
    this.#ask(this.#told.state_url).then((told) => this.#note(told), (error) => {
      if (this.#state === "stopping") this.#trouble = error.message;
    });
  }

  #stoppingWords(now) {
    const waited = now - this.#stoppedMs;
    if (waited < SLOW_MS) return "Stopping.";
    const what = this.#isStopTold ? "its file has not arrived" : "the engine’s host has not answered";
    return this.#trouble || `Stopping: ${what} for ${Math.floor(waited / 1000)}\u202fs.`;
  }

  #recordingWords(now) {
    return `recording ${minutes((now - this.#beganMs) / 1000)} of at most ${minutes(this.#told.most_s)}`;
  }

  #note(told) {
    if (this.#state === "stopping") this.#trouble = "";
    if (told.state === "recording" || this.#state === "kept" || this.#state === "failed") return;
    clearInterval(this.#timer);
    if (told.state !== "kept") {
      this.#turn("failed", told, told.sentence);
      return;
    }
    this.#turn("kept", told, [`Kept: ${told.duration_s.toFixed(1)}\u202fs.`, told.sentence].filter(Boolean).join(" "));
    const { kept, title, replay } = this.#parts;
    kept.hidden = false;
    replay.href = told.replay_url;
    title.value = told.title;
    title.focus();
    title.select();
  }

  async #rename() {
    const { title } = this.#parts;
    try {
      const told = await this.#ask(this.#told.rename_url, { title: title.value });
      title.value = told.title;
      this.#turn("kept", told, `Saved as “${told.title}”.`);
    } catch (error) {
      this.#say(error.message);
    }
  }

  #turn(state, told, words = "") {
    this.#state = state;
    this.#told = told;
    this.#parts.form.dataset.state = state;
    this.#parts.button.textContent = state === "recording" || state === "stopping" ? "Stop" : "Record";
    this.#say(words);
    this.#allow();
  }

  #say(words) {
    if (this.#parts.words.textContent !== words) this.#parts.words.textContent = words;
  }
}

/** 75 → "1:15". Pure. */
export function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
