/**
 * Time: pause, the last-minute slider, and one frame back or forth.
 */

const TOP = 1000;

export class TimeControls {
  #parts;
  #stage;
  #isDragged = false;

  /**
   * @param {Record<"pause"|"back"|"forth"|"slider"|"when", HTMLElement>} parts
   * @param {import("./stage.js").Stage} stage
   * @param {() => void} onChange  the stage shows something else
   */
  constructor(parts, stage, onChange) {
    this.#parts = parts;
    this.#stage = stage;
    const then = (act) => () => {
      act();
      this.update();
      onChange();
    };
    parts.pause.addEventListener("click", then(() => {
      if (stage.isPaused) stage.resume(performance.now());
      else stage.pause();
    }));
    parts.back.addEventListener("click", then(() => stage.step(-1)));
    parts.forth.addEventListener("click", then(() => stage.step(1)));
    parts.slider.addEventListener("input", then(() => this.#drag()));
    parts.slider.addEventListener("pointerdown", () => (this.#isDragged = true));
    parts.slider.addEventListener("change", () => (this.#isDragged = false));
    parts.slider.addEventListener("pointerup", () => (this.#isDragged = false));
  }

  #drag() {
    const span = this.#stage.span;
    const share = Number(this.#parts.slider.value) / TOP;
    if (!span) return;
    if (share === 1 && this.#stage.mode !== "recorded") this.#stage.showLive();
    else this.#stage.seek(span.startMs + share * (span.endMs - span.startMs));
  }

  /** Show where in time we are. */
  update() {
    const { pause, back, forth, slider, when } = this.#parts;
    const { span, isPaused, mode } = this.#stage;
    for (const part of [pause, back, forth, slider]) part.disabled = span === null;
    const words = isPaused ? (mode === "recorded" ? "Play" : "Resume") : "Pause";
    if (pause.textContent !== words) pause.textContent = words;
    slider.setAttribute("aria-label", mode === "recorded" ? "Place in the recording" : "Last minute");
    if (!span) return;
    const lengthMs = Math.max(1, span.endMs - span.startMs);
    if (!this.#isDragged) slider.value = String(Math.round((TOP * (span.atMs - span.startMs)) / lengthMs));
    const text = whenWords(mode, span);
    if (when.textContent !== text) when.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }
}

/** "live", "−12.4 s" or "8.0 of 42.0 s". Pure. */
export function whenWords(mode, { startMs, endMs, atMs }) {
  const s = (ms) => (ms / 1000).toFixed(1);
  if (mode === "recorded") return `${s(atMs - startMs)} of ${s(endMs - startMs)}\u202fs`;
  return mode === "live" ? "live" : `−${s(endMs - atMs)}\u202fs`;
}
