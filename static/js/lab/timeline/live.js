/**
 * LiveTimeline: the last minute's steps of the engine that is looked at, asked of its
 * host while they are on screen. It follows the newest step; while the pointer is in it,
 * or it has the focus, it stands. Time that is stopped stops it at that step. Of a
 * recording it shows the whole, and goes with the recording's time.
 */

import { Unanswered } from "../unanswered.js";
import { Timeline } from "./model.js";

const AGAIN_MS = 1_000;
const MOST_STEPS = 160;

export class LiveTimeline {
  #parts;
  #view;
  #on;
  #key = null;
  #askedAt = -Infinity;
  #unanswered = new Unanswered();
  #newest = null;
  #isHeld = false;
  /** step that time stands at; null: it goes on */
  #step = null;

  /**
   * @param {{hold: HTMLElement, note: HTMLElement, words: HTMLElement, go: HTMLButtonElement}} parts
   *   what is held while the pointer is in it, what is said, the button that goes on
   * @param {import("./view.js").TimelineView} view
   * @param {{ask: () => boolean, fetch: (url: string) => Promise<object>}} on
   */
  constructor(parts, view, on) {
    this.#parts = parts;
    this.#view = view;
    this.#on = on;
    const { hold, go } = parts;
    let isInside = false;
    const look = () => this.#hold(isInside || hold.contains(document.activeElement));
    hold.addEventListener("pointerenter", (event) => {
      isInside = event.pointerType === "mouse";
      look();
    });
    hold.addEventListener("pointerleave", () => {
      isInside = false;
      look();
    });
    hold.addEventListener("focusin", look);
    hold.addEventListener("focusout", () => setTimeout(look));
    const goOn = () => {
      isInside = false;
      document.activeElement?.blur();
      this.#hold(false);
    };
    go.addEventListener("click", goOn);
    hold.addEventListener("keydown", (event) => event.key === "Escape" && goOn());
  }

  /**
   * It is on screen.
   * @param {{host: string|null, recording: {steps_url: string}|null, step: number|null,
   *   yours: Iterable<number>}} shown  of which engine, or which recording; the step that
   *   time stands at, null while it goes on
   */
  see({ host, recording, step, yours }, nowMs) {
    const key = recording === null ? host && `live ${host}` : `recording ${recording.steps_url}`;
    if (key !== this.#key) this.#turn(key, recording);
    this.#view.yours = new Set(yours);
    this.#step = step;
    if (recording !== null) {
      this.#followStep();
    } else if (host !== null && nowMs - this.#askedAt >= AGAIN_MS) {
      this.#askedAt = nowMs;
      this.#unanswered.asked(this.#on.ask(), nowMs);
    }
    this.#say(this.#unanswered.words(nowMs));
  }

  /** The host's answer. */
  take(message) {
    if (this.#key !== `live ${message.engine_host_id}`) return;
    this.#unanswered.answered();
    this.#newest = new Timeline(message);
    this.#catchUp();
    this.#say();
  }

  #turn(key, recording) {
    this.#key = key;
    this.#askedAt = -Infinity;
    this.#unanswered.answered();
    this.#newest = null;
    this.#view.show(Timeline.none());
    if (recording === null) return;
    this.#on.fetch(recording.steps_url).then((told) => {
      if (this.#key !== key) return;
      this.#newest = new Timeline(told);
      this.#view.show(this.#newest);
      this.#followStep();
      this.#say();
    }, () => {});
  }

  #hold(isHeld) {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.#catchUp();
    this.#say();
  }

  /** Show what has come, unless it is being read. */
  #catchUp() {
    if (this.#isHeld || this.#newest === null || !this.#key?.startsWith("live")) return;
    const { lastStep } = this.#view.timeline;
    // Time that is stopped may be stopped at a step that was not told of yet.
    const isBehind = lastStep < this.#step && lastStep < this.#newest.lastStep;
    if (this.#step === null || isBehind) this.#view.follow(this.#newest, MOST_STEPS);
    this.#followStep();
  }

  /** Point at the step that time stands at. */
  #followStep() {
    if (this.#isHeld || this.#step === null || this.#view.timeline.numSteps === 0) return;
    const index = this.#view.timeline.indexOf(this.#step);
    if (index !== this.#view.at) this.#view.point(index);
  }

  #say(silent = "") {
    const { note, go, words: told } = this.#parts;
    // What changes by itself every second is not read aloud.
    told.setAttribute("aria-live", this.#isHeld ? "polite" : "off");
    const isLive = this.#key?.startsWith("live") ?? false;
    go.hidden = !this.#isHeld || !isLive;
    const words = silent || this.#words(isLive);
    if (note.textContent !== words) note.textContent = words;
  }

  #words(isLive) {
    if (this.#key === null) return "This needs a live engine or a recording.";
    if (this.#newest === null) return "Reading the steps.";
    if (this.#newest.numSteps === 0) return "No step in the last minute.";
    if (!isLive) return "All steps of the recording; the line is at the moment that is shown.";
    if (this.#isHeld) return "Standing still while you look.";
    if (this.#step !== null) return "Time is stopped: the line is at its step.";
    return "Following: the newest step is at the right.";
  }
}
