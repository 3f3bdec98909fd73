/**
 * Engines: the engine hosts as their heartbeats tell, and which one is shown. No DOM.
 */

const GONE_TOLD_MS = 60_000;

export class Engines {
  /** Host that the learner chose; null: the server's choice. */
  chosen = null;
  /** A sentence when the server cannot reach its hosts. */
  trouble = null;

  #statuses = new Map();
  /** When a host that is not named any more was missed, ms, by host. */
  #missedAt = new Map();
  #memory = new Map();
  /** Browser clock minus host clock, ms, by host. */
  #skewMs = new Map();

  /** A "hello" message: all hosts there are. */
  greet({ hosts, trouble }, nowMs) {
    this.trouble = trouble;
    const named = new Set(hosts.map((host) => host.engine_host_id));
    for (const id of this.#statuses.keys()) {
      if (!named.has(id)) this.#miss(id, nowMs);
    }
    for (const host of hosts) this.note(host, nowMs);
  }

  /** The server shows another host to who looked at this one. */
  #miss(id, nowMs) {
    this.#statuses.delete(id);
    this.#missedAt.set(id, nowMs);
    if (this.chosen === id) this.chosen = null;
  }

  /** Ids of the hosts that ceased to answer in the last minute. */
  gone(nowMs) {
    for (const [id, atMs] of this.#missedAt) {
      if (nowMs - atMs > GONE_TOLD_MS) this.#missedAt.delete(id);
    }
    return [...this.#missedAt.keys()];
  }

  /** An "engine.status" message. Returns whether it is a new run of its host. */
  note(status, nowMs) {
    const id = status.engine_host_id;
    const before = this.#statuses.get(id);
    const skewMs = nowMs - status.updated_at * 1000;
    const known = this.#skewMs.get(id);
    this.#skewMs.set(id, known === undefined ? skewMs : Math.min(known, skewMs));
    this.#statuses.set(id, status);
    this.#missedAt.delete(id);
    return before !== undefined && before.engine_run !== status.engine_run;
  }

  noteMemory(sample) {
    this.#memory.set(sample.engine_host_id, sample);
  }

  memoryOf(engineHostId) {
    return this.#memory.get(engineHostId) ?? null;
  }

  get all() {
    return [...this.#statuses.values()];
  }

  /** The status of a host; of the first ready one when the id is unknown. */
  statusOf(engineHostId) {
    const all = this.all;
    return (
      this.#statuses.get(engineHostId) ??
      all.find((status) => status.state === "ready") ??
      all[0] ??
      null
    );
  }

  /** Seconds on the clock of that host. */
  hostNowS(status, nowMs) {
    return (nowMs - (this.#skewMs.get(status?.engine_host_id) ?? 0)) / 1000;
  }

  /** Whether no engine here can show anything live. */
  get isHopeless() {
    const dead = new Set(["failed", "unavailable", "stopped"]);
    return this.all.every((status) => dead.has(status.state));
  }
}
