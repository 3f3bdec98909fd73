/**
 * Stage: which pool is shown, and as of when. No DOM.
 *
 *     live      the engine's newest frame
 *     past      an earlier frame of the last minute; frames keep arriving meanwhile
 *     recorded  a recording, played
 */

import { FrameError, decodeFrame } from "./frame.js";
import { History, Player } from "./history.js";
import { Pool } from "./pool.js";
import { Series, sampleOf } from "./series.js";

const MAX_PENDING = 4_000;

export class Stage {
  /** @type {"live"|"past"|"recorded"} */
  mode = "live";
  live = new Pool();
  history = new History();
  series = new Series();
  /** @type {Player|null} */
  player = null;
  /** @type {string|null} Why no live frame can be read: the page is older than it. */
  refusal = null;
  /** Unix ms of the frame shown while in the past. */
  pastMs = 0;
  /** True when the shown pool is another than at the last paint. */
  hasSwitched = true;

  #pending = [];
  #past = null;
  #recordedSeries = new Series();
  #ask;

  /** @param {() => void} askKeyframe called when frames are missing */
  constructor(askKeyframe) {
    this.#ask = askKeyframe;
  }

  /** The pool to draw. */
  get pool() {
    if (this.mode === "recorded") return this.player.pool;
    return this.mode === "past" ? this.#past : this.live;
  }

  /** The series that belongs to it. */
  get shownSeries() {
    return this.mode === "recorded" ? this.#recordedSeries : this.series;
  }

  /** Whether time stands still. */
  get isPaused() {
    return this.mode === "recorded" ? !this.player.isPlaying : this.mode === "past";
  }

  /** Keep a frame for the next advance(). */
  receive(bytes) {
    this.#pending.push(bytes);
    if (this.#pending.length > MAX_PENDING) {
      this.#pending = [];
      this.#ask();
    }
  }

  /**
   * Take in what has come, or let the recording go on.
   * @returns {boolean} whether the shown pool changed
   */
  advance(nowMs) {
    const pending = this.#pending;
    this.#pending = [];
    let hasApplied = false;
    for (const bytes of pending) hasApplied = this.#apply(bytes) || hasApplied;
    if (this.mode === "live") return hasApplied;
    if (this.mode === "past" || !this.player.tick(nowMs)) return false;
    this.#sampleRecorded();
    return true;
  }

  #apply(bytes) {
    let frame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      if (error.isOfAnotherVersion) this.refusal = error.message;
      else this.#ask();
      return false;
    }
    const run = this.live.engineRun;
    const host = this.live.engineHostId;
    const outcome = this.live.apply(frame);
    if (outcome === "needs-keyframe") this.#ask();
    if (outcome !== "applied") return false;
    this.refusal = null;
    if (run !== frame.engineRun || host !== frame.engineHostId) {
      this.series.clear();
      this.history.clear();
    }
    this.history.add(bytes, frame);
    this.series.add(sampleOf(this.live));
    return true;
  }

  /** Stop at what is shown now. */
  pause() {
    if (this.mode === "recorded") this.player.pause();
    else if (this.mode === "live" && this.history.span) this.seek(this.history.span.endMs);
  }

  /** Go on: to the newest frame, or with the recording. */
  resume(nowMs) {
    if (this.mode === "recorded") {
      if (this.player.isAtEnd) this.#recordedSeries.clear();
      this.player.play(nowMs);
    } else {
      this.#switchTo("live");
    }
  }

  /** What the slider spans: {startMs, endMs, atMs}; null while there is nothing. */
  get span() {
    if (this.mode === "recorded") {
      const { durationMs, positionMs } = this.player;
      return { startMs: 0, endMs: durationMs, atMs: positionMs };
    }
    const span = this.history.span;
    if (!span) return null;
    const atMs = this.mode === "past" ? this.pastMs : span.endMs;
    return { ...span, atMs: Math.max(span.startMs, atMs) };
  }

  /** Show the frame at `timeMs` of the span; stops the time. */
  seek(timeMs) {
    if (this.mode === "recorded") {
      if (timeMs < this.player.positionMs) this.#recordedSeries.clear();
      this.player.seek(timeMs);
      this.#sampleRecorded();
      return;
    }
    const pool = this.history.seek(timeMs);
    if (!pool) return;
    const isOther = this.mode !== "past" || this.#past !== pool;
    this.#past = pool;
    this.pastMs = pool.stampMs;
    if (isOther) this.#switchTo("past");
  }

  /** One frame back (-1) or forth (1). */
  step(direction) {
    this.pause();
    const times = this.mode === "recorded" ? this.player.times : this.history.times;
    const at = this.mode === "recorded" ? this.player.positionMs : this.pastMs;
    const next =
      direction > 0
        ? times.find((time) => time > at)
        : times.findLast((time) => time < at);
    if (next !== undefined) this.seek(next);
  }

  /** Play a recording. @param {ArrayBuffer} file */
  playRecording(file, nowMs) {
    this.player = new Player(file);
    this.#recordedSeries = new Series();
    this.player.play(nowMs);
    this.#switchTo("recorded");
  }

  /** Leave the recording. */
  showLive() {
    this.player?.pause();
    this.#switchTo("live");
  }

  #switchTo(mode) {
    this.mode = mode;
    this.hasSwitched = true;
  }

  #sampleRecorded() {
    const pool = this.player.pool;
    const last = this.#recordedSeries.samples.at(-1);
    if (pool.counters && last?.timeMs !== pool.stampMs) {
      this.#recordedSeries.add(sampleOf(pool));
    }
  }
}
