/**
 * RecordedReasons: why, prefix cache, hits and age at the moment of a recording that is
 * shown, asked of the server and given to the views that show a live engine's.
 */

import { ask } from "../answers.js";

const SOONEST_MS = 1_000;
/** Between two questions while it stands: a slider moves on and on. */
const STANDING_MS = 150;

export class RecordedReasons {
  /** What the recording does not tell, in a sentence; "" while nothing is lacking. */
  lacks = "";

  #views;
  #fetch;
  #url = null;
  #askedKey = "";
  #askedAt = -Infinity;
  #isAsking = false;
  /** What is asked next, since no frame may come that asks again. @type {(() => void)|null} */
  #next = null;
  #timer = null;

  /**
   * @param {{why: import("./why.js").Why, cache: import("./cache_view.js").CacheView,
   *   heat: import("./heat_view.js").HeatView}} views
   * @param {(url: string) => Promise<object>} fetch
   */
  constructor(views, fetch) {
    this.#views = views;
    this.#fetch = fetch;
  }

  /**
   * It is on screen.
   * @param {import("./pool.js").Pool} pool  as of the moment
   * @param {string} url  where the recording's reasons are
   * @param {number|null} chosen  the request that is chosen
   */
  see(pool, url, chosen, isStanding, nowMs) {
    if (url !== this.#url) {
      this.#url = url;
      this.#askedKey = this.lacks = "";
    }
    const { why, cache } = this.#views;
    why.see(pool, url, chosen, [], nowMs);
    cache.see(url, nowMs);
    const key = `${pool.counters?.step} ${chosen}`;
    if (!pool.counters || key === this.#askedKey) {
      this.#next = null;
      return;
    }
    const leftMs = this.#askedAt + (isStanding ? STANDING_MS : SOONEST_MS) - nowMs;
    const { step } = pool.counters;
    this.#next = () => {
      this.#askedKey = key;
      this.#askedAt = nowMs + Math.max(0, leftMs);
      this.#ask(url, step, chosen);
    };
    if (this.#isAsking) return;
    clearTimeout(this.#timer);
    if (leftMs <= 0) this.#goOn();
    else if (isStanding) this.#timer = setTimeout(() => this.#goOn(), leftMs);
  }

  #goOn() {
    const next = this.#next;
    this.#next = null;
    if (!this.#isAsking) next?.();
  }

  async #ask(url, step, chosen) {
    this.#isAsking = true;
    const request = chosen === null ? "" : `&request=${chosen}`;
    try {
      this.#take(url, await this.#fetch(`${url}?step=${step}${request}`));
    } catch {
      // Another step or request asks again.
      this.#askedKey = "";
    }
    this.#isAsking = false;
    this.#goOn();
  }

  #take(url, told) {
    if (url !== this.#url) return;
    const named = { engine_host_id: url };
    this.lacks = told.lacks;
    this.#views.cache.take({ ...told.cache, ...named }, told.lacks);
    if (told.why) this.#views.why.take({ ...told.why, ...named });
    if (told.heat) this.#views.heat.take({ ...told.heat, ...named });
  }
}

/** JSON of an address; throws an Error where there is none. */
export async function fetchJson(url) {
  return (await ask(url, { headers: { Accept: "application/json" } })).json();
}
