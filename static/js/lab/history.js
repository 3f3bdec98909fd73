/**
 * The past: the last minute of a live stream (History), and a recording (Player).
 *
 *     history.add(bytes, frame);                 // every frame that the pool applied
 *     canvas.show(history.seek(slider.value));   // a Pool as of then
 *
 *     const player = new Player(await response.arrayBuffer());
 *     player.play(now);                          // then on every animation frame
 *     if (player.tick(now)) canvas.show(player.pool);
 */

import { FrameError, decodeFrame } from "./frame.js";
import { Pool } from "./pool.js";

/**
 * Frames in order of time, and a pool that walks along them.
 * Each entry: {bytes, timeMs, isKeyframe}.
 */
class Timeline {
  pool = new Pool();
  entries = [];
  #at = -1;

  /** Index of the last entry at or before `timeMs`; -1 when all are later. */
  indexAt(timeMs) {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entries[middle].timeMs <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Bring the pool to the entry `index`; returns whether it moved. */
  walkTo(index) {
    if (index === this.#at || index < 0) return false;
    let next = index;
    while (next > 0 && !this.entries[next].isKeyframe && next !== this.#at + 1) next--;
    for (; next <= index; next++) this.pool.apply(decodeFrame(this.entries[next].bytes));
    this.#at = index;
    return true;
  }

  /** Forget the first `count` entries. */
  drop(count) {
    this.entries.splice(0, count);
    this.#at = Math.max(-1, this.#at - count);
    if (this.#at === -1) this.pool = new Pool();
  }
}

/** The last minute of frames, bounded in time and bytes. */
export class History {
  /** True until a keyframe comes: at first, and after a gap. */
  needsKeyframe = true;

  #timeline = new Timeline();
  #spanMs;
  #maxBytes;
  #numBytes = 0;
  /** seq, run and host of the newest frame */
  #newest = null;

  /** @param {{spanMs?: number, maxBytes?: number}} [bounds] */
  constructor({ spanMs = 60_000, maxBytes = 32 * 1024 * 1024 } = {}) {
    this.#spanMs = spanMs;
    this.#maxBytes = maxBytes;
  }

  /**
   * Keep one frame. Returns whether it was kept: a delta on a frame that is not here
   * is not.
   * @param {ArrayBuffer|Uint8Array} bytes
   * @param {import("./frame.js").Frame} [frame] the same, decoded
   */
  add(bytes, frame = decodeFrame(bytes)) {
    if (!frame.isKeyframe && !this.#follows(frame)) {
      this.needsKeyframe = true;
      return false;
    }
    const { isKeyframe, stampMs: timeMs } = frame;
    this.#timeline.entries.push({ bytes, timeMs, isKeyframe });
    this.#numBytes += bytes.byteLength;
    this.#newest = frame;
    this.needsKeyframe = false;
    this.#forgetOld(timeMs - this.#spanMs);
    return !this.needsKeyframe;
  }

  /** @returns {number[]} Unix ms of every frame kept, ascending */
  get times() {
    return this.#timeline.entries.map((entry) => entry.timeMs);
  }

  /** @returns {{startMs: number, endMs: number}|null} null while it is empty */
  get span() {
    const { entries } = this.#timeline;
    if (entries.length === 0) return null;
    return { startMs: entries[0].timeMs, endMs: entries.at(-1).timeMs };
  }

  get numBytes() {
    return this.#numBytes;
  }

  /**
   * The pool as it was at `timeMs` (the oldest kept, when that is earlier). It is one
   * Pool, moved by the next seek: draw it with dirtyAll() or takeDirty(), and do not
   * apply frames to it. null while nothing is kept.
   * @param {number} timeMs
   * @returns {Pool|null}
   */
  seek(timeMs) {
    if (this.#timeline.entries.length === 0) return null;
    this.#timeline.walkTo(Math.max(0, this.#timeline.indexAt(timeMs)));
    return this.#timeline.pool;
  }

  clear() {
    this.#timeline = new Timeline();
    this.#numBytes = 0;
    this.#newest = null;
    this.needsKeyframe = true;
  }

  #follows(frame) {
    const newest = this.#newest;
    return (
      newest !== null &&
      !this.needsKeyframe &&
      frame.baseSeq === newest.seq &&
      frame.engineRun === newest.engineRun &&
      frame.engineHostId === newest.engineHostId
    );
  }

  /** Drop whole chains (keyframe and its deltas) from the front. */
  #forgetOld(horizonMs) {
    const { entries } = this.#timeline;
    for (;;) {
      const next = entries.findIndex((entry, i) => i > 0 && entry.isKeyframe);
      const isTooMuch = this.#numBytes > this.#maxBytes;
      if (next === -1) {
        if (isTooMuch) this.clear();
        return;
      }
      if (entries[next].timeMs > horizonMs && !isTooMuch) return;
      for (let i = 0; i < next; i++) this.#numBytes -= entries[i].bytes.byteLength;
      this.#timeline.drop(next);
    }
  }
}

const FILE_MAGIC = "SVLP";
const FILE_VERSION = 1;

/**
 * Plays a frames file (docs/frame-format.md, "Frames file"). It has no clock of its
 * own: call tick(now) on every animation frame.
 */
export class Player {
  /** @type {object} the file's header: machine, model, versions, date, memory, … */
  header;
  /** Ratio of played to real time. */
  speed = 1;

  #timeline = new Timeline();
  #startMs = 0;
  #positionMs = 0;
  /** now of the last tick; null while paused */
  #tickedAt = null;

  /**
   * @param {ArrayBuffer} file
   * @throws {FrameError} when the file is foreign, damaged or empty
   */
  constructor(file) {
    const { header, entries } = framesFile(file);
    this.header = header;
    this.#timeline.entries = entries;
    this.#startMs = entries[0].timeMs;
    this.#timeline.walkTo(0);
  }

  /** @returns {Pool} as of positionMs */
  get pool() {
    return this.#timeline.pool;
  }

  get durationMs() {
    return this.#timeline.entries.at(-1).timeMs - this.#startMs;
  }

  /** ms since the recording's start */
  get positionMs() {
    return this.#positionMs;
  }

  get isPlaying() {
    return this.#tickedAt !== null;
  }

  get isAtEnd() {
    return this.#positionMs >= this.durationMs;
  }

  /** @returns {number[]} ms since the recording's start, per frame */
  get times() {
    return this.#timeline.entries.map((entry) => entry.timeMs - this.#startMs);
  }

  /** Every frame as {bytes, timeMs}: Unix ms, ascending. */
  get frames() {
    return this.#timeline.entries;
  }

  /** Unix ms of the first frame. */
  get startMs() {
    return this.#startMs;
  }

  /** The newest memory sample at or before the position; null when there is none. */
  get memory() {
    const timeS = (this.#startMs + this.#positionMs) / 1000;
    return (this.header.memory ?? []).findLast(({ stamp }) => stamp <= timeS) ?? null;
  }

  /** Go on from the position; from the start when it stood at the end. */
  play(nowMs) {
    if (this.isAtEnd) this.seek(0);
    this.#tickedAt = nowMs;
  }

  pause() {
    this.#tickedAt = null;
  }

  /** Jump to `positionMs` (clamped); returns whether the pool changed. */
  seek(positionMs) {
    this.#positionMs = Math.min(Math.max(0, positionMs), this.durationMs);
    const timeMs = this.#startMs + this.#positionMs;
    return this.#timeline.walkTo(this.#timeline.indexAt(timeMs));
  }

  /** Let time pass up to `nowMs`; returns whether the pool changed. Stops at the end. */
  tick(nowMs) {
    if (this.#tickedAt === null) return false;
    const passedMs = Math.max(0, nowMs - this.#tickedAt) * this.speed;
    this.#tickedAt = nowMs;
    const changed = this.seek(this.#positionMs + passedMs);
    if (this.isAtEnd) this.pause();
    return changed;
  }
}

/** A frames file taken apart: its JSON header and its frames. */
function framesFile(file) {
  const view = new DataView(file);
  const magic = new TextDecoder().decode(file.slice(0, 4));
  if (file.byteLength < 12 || magic !== FILE_MAGIC) {
    throw new FrameError("This is not a frames file: it does not start with SVLP.");
  }
  if (view.getUint32(4, true) !== FILE_VERSION) {
    throw new FrameError(
      `The frames file has version ${view.getUint32(4, true)}; ` +
        `this page reads ${FILE_VERSION}.`,
    );
  }
  let at = 12 + view.getUint32(8, true);
  if (at > file.byteLength) throw new FrameError("The frames file is cut short.");
  const header = parsed(file.slice(12, at));
  const entries = [];
  while (at < file.byteLength) {
    const length = at + 4 <= file.byteLength ? view.getUint32(at, true) : Infinity;
    if (at + 4 + length > file.byteLength) {
      throw new FrameError("The frames file is cut short.");
    }
    const frame = new Uint8Array(file, at + 4, length);
    entries.push(entryOf(frame));
    at += 4 + length;
  }
  if (!entries[0]?.isKeyframe) {
    throw new FrameError("The frames file does not begin with a keyframe.");
  }
  return { header, entries };
}

function entryOf(bytes) {
  if (bytes.length < 40) throw new FrameError("The frames file has a frame cut short.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const timeMs = view.getFloat64(32, true);
  return { bytes, timeMs, isKeyframe: view.getUint8(9) === 0 };
}

function parsed(json) {
  try {
    return JSON.parse(new TextDecoder().decode(json));
  } catch {
    throw new FrameError("The frames file's header is damaged.");
  }
}
