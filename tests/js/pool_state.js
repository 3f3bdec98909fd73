/** The state of a Pool as JSON; tests/lab/pool_state.py says the same of a PoolMirror. */

export function poolState(pool) {
  const ids = Array.from({ length: pool.numBlocks }, (_, id) => id);
  const requests = [...pool.requests.values()].sort((a, b) => a.shortId - b.shortId);
  return {
    step: pool.counters.step,
    stampMs: pool.stampMs,
    numFreeBlocks: pool.counters.numFreeBlocks,
    prefixHitTokens: pool.counters.prefixHitTokens,
    refCnt: [...pool.refCnt],
    hasHash: [...pool.hasHash],
    states: ids.map((id) => pool.stateOf(id)),
    totals: pool.totals,
    owners: ids.map((id) => owners(pool, id)),
    waiting: pool.waiting,
    requests: requests.map((one) => [
      one.shortId,
      one.state,
      one.numPromptTokens,
      one.numCachedTokens,
      one.numComputedTokens,
      one.numScheduledTokens,
      one.numPreemptions,
      ...one.tables,
    ]),
  };
}

function owners(pool, id) {
  const all = pool.ownersOf(id).sort((a, b) => a.shortId - b.shortId);
  return all.map(({ shortId, logicalIndex, fill }) => [shortId, logicalIndex, fill]);
}

/** What a canvas that repaints only dirty blocks would show of each block. */
export class Painting {
  #painted = [];

  paint(pool) {
    for (const id of pool.takeDirty()) this.#painted[id] = look(pool, id);
  }

  /** Blocks that look otherwise than they were painted. */
  wrong(pool) {
    const ids = Array.from({ length: pool.numBlocks }, (_, id) => id);
    return ids.filter((id) => look(pool, id) !== this.#painted[id]);
  }
}

function look(pool, id) {
  return `${pool.stateOf(id)} ${pool.fillOf(id)} ${JSON.stringify(owners(pool, id))}`;
}

/** Length-prefixed frames, one after the other. */
export function* framesIn(file) {
  const bytes = new Uint8Array(file); // a Buffer's slice() would not copy
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    yield bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}
