/**
 * Reasons: which of why, prefix cache, timeline, hits and age is on screen, and whom it
 * is asked of: the live engine's host, or a recording.
 */

import { RecordedReasons, fetchJson } from "./recorded_reasons.js";

const OF_NOW = "Hits and age are known of the present alone: go back to live to see them.";

export class Reasons {
  #views;
  #recorded;

  /** @param {object} views  see main.js: stage, table, why, cache, heat, timeline */
  constructor(views) {
    this.#views = views;
    this.#recorded = new RecordedReasons(views, fetchJson);
  }

  /**
   * @param {{shown: string, recording: object|null, yours: Map<number, string>|null}} on
   *   the tab that is shown; the recording that plays; the learner's requests, null where
   *   nobody's are told of
   */
  see({ shown, recording, yours }, nowMs) {
    const { stage, table, why, cache } = this.#views;
    const { pool } = stage;
    const host = stage.mode === "live" ? pool.engineHostId : null;
    if (stage.mode === "recorded" && recording !== null) {
      this.#recorded.see(pool, recording.reasons_url, table.chosen, stage.isPaused, nowMs);
    } else {
      const own = yours ?? new Map();
      if (shown === "view-requests") why.see(pool, yours && host, table.chosen, own.keys(), nowMs);
      if (shown === "view-cache") cache.see(host, nowMs);
    }
    if (shown === "view-timeline") this.#seeTimeline(recording, yours, nowMs);
    this.#seeHeat(host, nowMs);
  }

  #seeTimeline(recording, yours, nowMs) {
    const { stage, timeline } = this.#views;
    const isRecorded = stage.mode === "recorded";
    timeline.see({
      host: isRecorded ? null : stage.pool.engineHostId,
      recording: isRecorded ? recording : null,
      step: stage.mode === "live" ? null : (stage.pool.counters?.step ?? null),
      yours: isRecorded ? [] : (yours?.keys() ?? []),
    }, nowMs);
  }

  #seeHeat(host, nowMs) {
    const { stage, heat } = this.#views;
    const lacks = { live: "", past: OF_NOW, recorded: this.#recorded.lacks }[stage.mode];
    heat.see(stage.pool, { host, lacks }, nowMs);
  }
}
