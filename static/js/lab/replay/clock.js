/**
 * ReplayClock: the one time line of what is replayed. No DOM, no clock of its own.
 *
 *     const clock = new ReplayClock([player.times, other.times]);
 *     clock.play(now);                     // then on every animation frame
 *     if (clock.tick(now)) show(clock.positionMs);
 */

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];

export class ReplayClock {
  /** Ratio of replayed to real time. */
  speed = 1;
  positionMs = 0;

  #times;
  /** now of the last tick; null while it stands */
  #tickedAt = null;

  /** @param {number[][]} times  of each recording ms since its start, per frame */
  constructor(times) {
    this.#times = [...new Set(times.flat())].sort((a, b) => a - b);
  }

  get durationMs() {
    return this.#times.at(-1) ?? 0;
  }

  get isPlaying() {
    return this.#tickedAt !== null;
  }

  /** Go on from the position; from the start when it stands at the end. */
  play(nowMs) {
    if (this.positionMs >= this.durationMs) this.positionMs = 0;
    this.#tickedAt = nowMs;
  }

  pause() {
    this.#tickedAt = null;
  }

  /** Jump; within the recording. */
  seek(positionMs) {
    this.positionMs = Math.min(Math.max(0, positionMs), this.durationMs);
  }

  /** To the next frame of any recording (1), or back to the one before (-1); stands then. */
  step(direction) {
    this.pause();
    const times = this.#times;
    const next = direction > 0
      ? times.find((time) => time > this.positionMs)
      : times.findLast((time) => time < this.positionMs);
    if (next !== undefined) this.positionMs = next;
  }

  /** The next faster (1) or slower (-1) speed. */
  shift(direction) {
    const at = SPEEDS.indexOf(this.speed) + direction;
    this.speed = SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)];
  }

  /** Let time pass; returns whether the position changed. Stands at the end. */
  tick(nowMs) {
    if (this.#tickedAt === null) return false;
    const passedMs = Math.max(0, nowMs - this.#tickedAt) * this.speed;
    this.#tickedAt = nowMs;
    this.seek(this.positionMs + passedMs);
    if (this.positionMs >= this.durationMs) this.pause();
    return true;
  }
}
