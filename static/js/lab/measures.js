/**
 * Measures: for the benches, how long an animation frame took to decode, apply and draw,
 * and when its pixels were shown.
 */

const KEPT = 1_000;

export class Measures {
  #isPainted = false;
  #numMeasured = 0;

  /** Something new was painted by a frame that began then. */
  painted(startedAt) {
    this.#isPainted = true;
    performance.measure("lab:frame", { start: startedAt, end: performance.now() });
    if (++this.#numMeasured % KEPT === 0) {
      performance.clearMeasures("lab:frame");
      performance.clearMarks("lab:pixels");
    }
  }

  /** At the next frame: what the one before painted is shown. @param {number|null} stampMs */
  markPixels(stampMs) {
    if (!this.#isPainted) return;
    this.#isPainted = false;
    const shownMs = performance.timeOrigin + performance.now();
    performance.mark("lab:pixels", { detail: { stampMs, shownMs } });
  }
}
