/**
 * Pool: the block pool and the requests, as the frames so far tell them.
 *
 *     const pool = new Pool();
 *     if (pool.apply(decodeFrame(bytes)) === "needs-keyframe") askForKeyframe();
 *     for (const id of pool.takeDirty()) canvas.paint(id, pool.stateOf(id), …);
 *
 * Block states are derived, never sent: null (block 0), free (ref 0, no hash),
 * cached (ref 0, hash), used (ref 1), shared (ref >= 2). Owners, logical indices and
 * fill are derived from the block tables and num_computed_tokens.
 */

import { DirtyBlocks } from "./dirty.js";
import { BlockFlag, GroupKind, RequestState } from "./frame.js";
import { knows } from "./frame_fits.js";
import { NONE, OwnerLists } from "./owners.js";

/** Block states, as `stateOf` and `totals` name them; index = `stateCodes` value. */
export const BLOCK_STATES = Object.freeze(["null", "free", "cached", "used", "shared"]);

const NULL = 0;
const FREE = 1;
const CACHED = 2;
const USED = 3;
const SHARED = 4;
const UNKNOWN_GROUP = 255;
const GROUP_BITS = 24;
const INDEX_MASK = (1 << GROUP_BITS) - 1;
const NULL_BLOCK = 0;

/**
 * One live (or just finished) request.
 * @typedef {object} PoolRequest
 * @property {number} shortId
 * @property {number} state               see RequestState
 * @property {number} finish              see Finish
 * @property {number} numPromptTokens
 * @property {number} numCachedTokens     prompt tokens taken from the prefix cache
 * @property {number} numComputedTokens   tokens whose KV is computed
 * @property {number} numScheduledTokens  in the last step that had the request
 * @property {number} numPreemptions
 * @property {number[]} blockIds          block table of the first KV-cache group:
 *                                        physical id per logical index; 0: given up
 * @property {number[][]} tables          block table of each group, blockIds the first
 * @property {number} slot                private to Pool
 *
 * @typedef {object} Owner
 * @property {number} shortId
 * @property {number} logicalIndex
 * @property {number} group               index of its KV-cache group
 * @property {number} fill                tokens in the block, 0..that group's blockSize
 */

export class Pool {
  /** @type {number} physical blocks, the null block 0 included; 0 before a keyframe */
  numBlocks = 0;
  /** @type {number} tokens a block */
  blockSize = 0;
  /** @type {import("./frame.js").Group[]} KV-cache groups of the model */
  groups = [];
  /** @type {Uint8Array} per block the group that held it last; 255: not known */
  groupCodes = new Uint8Array(0);
  /** @type {number[]} blocks that slid out of a window in the last applied frame */
  slidOut = [];
  /** @type {Set<number>} of these, whoever paints them has not seen; they empty it */
  leaving = new Set();
  /** @type {string|null} */
  engineHostId = null;
  /** @type {number|null} */
  engineRun = null;
  /** @type {number|null} seq of the last applied frame; null before a keyframe */
  seq = null;
  /** @type {number|null} Unix ms of the last applied frame */
  stampMs = null;
  /** @type {import("./frame.js").Counters|null} of the last applied frame */
  counters = null;
  /** True until a keyframe comes: at first, and after a delta on an unknown base. */
  needsKeyframe = true;
  /** @type {Map<number, PoolRequest>} live requests by short id, in order of arrival */
  requests = new Map();
  /** @type {number[]} short ids in the waiting queue, next one first */
  waiting = [];
  /** @type {PoolRequest[]} requests that finished in the last applied frame; their
   *  blockIds are what they held before it */
  finished = [];
  /** @type {number[]} blocks that lost their hash to eviction in the last frame */
  evicted = [];
  /** @type {Uint32Array} ref_cnt per block */
  refCnt = new Uint32Array(0);
  /** @type {Uint8Array} 1 where the block has a hash */
  hasHash = new Uint8Array(0);
  /** @type {Uint8Array} state per block as an index into BLOCK_STATES */
  stateCodes = new Uint8Array(0);
  /** Counts up whenever numBlocks changes: lay the grid out anew. */
  generation = 0;

  #counts = new Uint32Array(BLOCK_STATES.length);
  #dirty = new DirtyBlocks(0);
  #owners = new OwnerLists(0);
  /** @type {(PoolRequest|undefined)[]} */
  #slots = [];
  #freeSlots = [];

  /**
   * Take one decoded frame in.
   *
   * "applied": the pool is as of that frame. "stale": a delta that is already in
   * (nothing to do). "needs-keyframe": a delta on a frame this pool does not have:
   * nothing changed, and nothing will until a keyframe comes.
   * @param {import("./frame.js").Frame} frame
   * @returns {"applied"|"stale"|"needs-keyframe"}
   */
  apply(frame) {
    if (frame.isKeyframe) {
      if (!knows(frame, new Map())) return "needs-keyframe";
      this.#applyKeyframe(frame);
      return "applied";
    }
    const isSameRun =
      frame.engineHostId === this.engineHostId &&
      frame.engineRun === this.engineRun &&
      frame.numBlocks === this.numBlocks &&
      frame.groups.length === this.groups.length;
    if (isSameRun && this.seq !== null && ((frame.seq - this.seq) | 0) <= 0) {
      return "stale";
    }
    const follows = isSameRun && !this.needsKeyframe && frame.baseSeq === this.seq;
    if (!follows || !knows(frame, this.requests)) {
      this.needsKeyframe = true;
      return "needs-keyframe";
    }
    this.#applyRows(frame);
    this.#applyBlocks(frame.blocks);
    this.#stamp(frame);
    return "applied";
  }

  /** @returns {"null"|"free"|"cached"|"used"|"shared"} */
  stateOf(blockId) {
    return BLOCK_STATES[this.stateCodes[blockId]];
  }

  /**
   * The requests whose block tables list the block; newest first.
   * @returns {Owner[]}
   */
  ownersOf(blockId) {
    const owners = [];
    if (blockId >= this.numBlocks) return owners;
    for (let e = this.#owners.head[blockId]; e !== NONE; e = this.#owners.next[e]) {
      const request = this.#slots[this.#owners.slot[e]];
      const place = this.#owners.index[e];
      const [group, logicalIndex] = [place >>> GROUP_BITS, place & INDEX_MASK];
      const fill = this.#fill(request, place);
      owners.push({ shortId: request.shortId, logicalIndex, group, fill });
    }
    return owners;
  }

  /**
   * Tokens that lie in the block, 0..blockSize, without building owner objects: the
   * most of its owners; a cached block is full, a free one empty.
   */
  fillOf(blockId) {
    let entry = this.#owners.head[blockId];
    const size = this.sizeOf(blockId);
    if (entry === NONE) return this.stateCodes[blockId] === CACHED ? size : 0;
    let most = 0;
    for (; entry !== NONE && most < size; entry = this.#owners.next[entry]) {
      const request = this.#slots[this.#owners.slot[entry]];
      most = Math.max(most, this.#fill(request, this.#owners.index[entry]));
    }
    return most;
  }

  /** Tokens that the block stands for in the group that held it last. */
  sizeOf(blockId) {
    return this.groups[this.groupCodes[blockId]]?.blockSize ?? this.blockSize;
  }

  /** Whether the group that held it last keeps states in its blocks, and no tokens. */
  holdsState(blockId) {
    return this.groups[this.groupCodes[blockId]]?.kind === GroupKind.STATE;
  }

  /** Ids of the blocks that the request holds, in all groups. @returns {number[]} */
  blocksOf(request) {
    if (this.groups.length === 1 && this.groups[0].kind === GroupKind.FULL) return request.blockIds;
    return request.tables.flat().filter((id) => id !== NULL_BLOCK);
  }

  /** Whether a request out of `shortIds` (a Set) owns the block. */
  isOwnedByAny(blockId, shortIds) {
    if (shortIds.size === 0) return false;
    for (let e = this.#owners.head[blockId]; e !== NONE; e = this.#owners.next[e]) {
      if (shortIds.has(this.#slots[this.#owners.slot[e]].shortId)) return true;
    }
    return false;
  }

  /**
   * Blocks per state; their sum is numBlocks (null is 1 as soon as there are blocks).
   * @returns {{null: number, free: number, cached: number, used: number, shared: number}}
   */
  get totals() {
    return {
      null: this.#counts[NULL],
      free: this.#counts[FREE],
      cached: this.#counts[CACHED],
      used: this.#counts[USED],
      shared: this.#counts[SHARED],
    };
  }

  /**
   * Block ids to repaint: those whose state, fill or owners changed since the last
   * call. The view is valid until the next apply; each id comes once.
   * @returns {Uint32Array}
   */
  takeDirty() {
    return this.#dirty.take();
  }

  /** Mark every block for repainting (another size, theme or mark). */
  dirtyAll() {
    for (let id = 0; id < this.numBlocks; id++) this.#dirty.mark(id);
  }

  /** Mark the blocks of one request (it became yours, or is highlighted). */
  dirtyRequest(shortId) {
    for (const id of this.requests.get(shortId)?.tables.flat() ?? []) this.#dirty.mark(id);
  }

  /** `place`: group and logical index in one number. A state's block is full. */
  #fill(request, place) {
    const { kind, blockSize } = this.groups[place >>> GROUP_BITS];
    if (kind === GroupKind.STATE) return blockSize;
    const rest = request.numComputedTokens - (place & INDEX_MASK) * blockSize;
    return rest <= 0 ? 0 : rest >= blockSize ? blockSize : rest;
  }

  #stamp(frame) {
    this.engineHostId = frame.engineHostId;
    this.engineRun = frame.engineRun;
    this.seq = frame.seq;
    this.stampMs = frame.stampMs;
    this.counters = frame.counters;
    this.needsKeyframe = false;
  }

  // Keyframe: forget everything, then compare with what was seen before

  #applyKeyframe(frame) {
    const isResized =
      frame.numBlocks !== this.numBlocks || frame.blockSize !== this.blockSize;
    const isOtherRun =
      frame.engineRun !== this.engineRun || frame.engineHostId !== this.engineHostId;
    if (isResized) this.#resize(frame.numBlocks, frame.blockSize);
    const before = isResized ? null : this.#signatures();
    const numDirty = this.#dirty.length;
    this.requests.clear();
    this.waiting = [];
    this.#slots = [];
    this.#freeSlots = [];
    const numListed = frame.tables.reduce((sum, rows) => sum + rows.blockIds.length, 0);
    this.#owners = new OwnerLists(this.numBlocks, numListed);
    this.groups = frame.groups;
    if (isOtherRun) this.groupCodes.fill(UNKNOWN_GROUP);
    this.#applyRows(frame);
    this.#countReferences(frame);
    this.#stamp(frame);
    this.#dirty.keepFirst(numDirty);
    if (isResized || isOtherRun) {
      this.dirtyAll();
      return;
    }
    const after = this.#signatures();
    for (let id = 0; id < this.numBlocks; id++) {
      if (before[id] !== after[id]) this.#dirty.mark(id);
    }
  }

  #resize(numBlocks, blockSize) {
    this.numBlocks = numBlocks;
    this.blockSize = blockSize;
    this.refCnt = new Uint32Array(numBlocks);
    this.hasHash = new Uint8Array(numBlocks);
    this.stateCodes = new Uint8Array(numBlocks);
    this.groupCodes = new Uint8Array(numBlocks).fill(UNKNOWN_GROUP);
    this.#dirty = new DirtyBlocks(numBlocks);
    this.generation += 1;
  }

  /** One number per block that changes when the block has to be repainted. */
  #signatures() {
    const signatures = new Uint32Array(this.numBlocks);
    const { head, next, slot, index } = this.#owners;
    for (let id = 0; id < this.numBlocks; id++) {
      let signature = this.stateCodes[id];
      for (let entry = head[id]; entry !== NONE; entry = next[entry]) {
        const request = this.#slots[slot[entry]];
        const owner =
          Math.imul(request.shortId, 0x9e3779b1) ^
          Math.imul(index[entry] + 1, 0x85ebca6b) ^
          Math.imul(this.#fill(request, index[entry]) + 1, 0xc2b2ae35);
        signature = (signature + Math.imul(owner ^ (owner >>> 15), 0x2c1b3c6d)) | 0;
      }
      signatures[id] = signature;
    }
    return signatures;
  }

  /** ref_cnt in a keyframe: how many tables list the block, but for the exceptions. */
  #countReferences({ tables, blocks, hashBits }) {
    this.refCnt.fill(0);
    for (const { blockIds } of tables) {
      for (let i = 0; i < blockIds.length; i++) this.refCnt[blockIds[i]]++;
    }
    this.refCnt[NULL_BLOCK] = 0;
    for (let i = 0; i < blocks.id.length; i++) {
      this.refCnt[blocks.id[i]] = blocks.refCnt[i];
    }
    this.#counts.fill(0);
    for (let id = 0; id < this.numBlocks; id++) {
      this.hasHash[id] = (hashBits[id >>> 3] >>> (id & 7)) & 1;
      const state = this.#derivedState(id);
      this.stateCodes[id] = state;
      this.#counts[state]++;
    }
  }

  #derivedState(id) {
    if (id === 0) return NULL;
    if (this.refCnt[id] === 0) return this.hasHash[id] ? CACHED : FREE;
    return this.refCnt[id] === 1 ? USED : SHARED;
  }

  // Rows: the same in both kinds

  #applyRows(frame) {
    this.finished = [];
    this.evicted = [];
    this.slidOut = [];
    this.#applyRequests(frame.requests);
    this.#applyTables(frame.tables);
    this.#applyProgress(frame.progress);
    this.#applyWaiting(frame.waiting);
  }

  #applyRequests(rows) {
    for (let i = 0; i < rows.shortId.length; i++) {
      const shortId = rows.shortId[i];
      const request = this.requests.get(shortId) ?? this.#admit(shortId);
      request.state = rows.state[i];
      request.finish = rows.finish[i];
      request.numPromptTokens = rows.numPromptTokens[i];
      request.numCachedTokens = rows.numCachedTokens[i];
      request.numPreemptions = rows.numPreemptions[i];
      if (request.state === RequestState.PREEMPTED) {
        this.#giveUp(request);
        for (const table of request.tables) table.length = 0;
        request.numComputedTokens = 0;
      } else if (request.state === RequestState.FINISHED) {
        this.#giveUp(request);
        this.requests.delete(shortId);
        this.#slots[request.slot] = undefined;
        this.#freeSlots.push(request.slot);
        this.finished.push(request);
      }
    }
  }

  #admit(shortId) {
    const request = {
      shortId,
      state: RequestState.WAITING,
      finish: 0,
      numPromptTokens: 0,
      numCachedTokens: 0,
      numComputedTokens: 0,
      numScheduledTokens: 0,
      numPreemptions: 0,
      blockIds: [],
      tables: [],
      slot: this.#freeSlots.pop() ?? this.#slots.length,
    };
    request.tables = this.groups.map((_, group) => (group ? [] : request.blockIds));
    this.#slots[request.slot] = request;
    this.requests.set(shortId, request);
    return request;
  }

  #giveUp(request) {
    for (const table of request.tables) this.#cut(request, table, 0);
  }

  /** Take the request off the blocks at logical index `start` of a table and after. */
  #cut(request, table, start) {
    for (let i = start; i < table.length; i++) this.#release(request, table[i]);
  }

  #release(request, id) {
    if (id === NULL_BLOCK) return;
    this.#owners.remove(id, request.slot);
    this.#dirty.mark(id);
  }

  #hold(request, id, group, index) {
    if (id === NULL_BLOCK) return;
    this.#owners.add(id, request.slot, ((group << GROUP_BITS) | index) >>> 0);
    this.groupCodes[id] = group;
    this.#dirty.mark(id);
  }

  /** What is given up goes first: the same request may hold it elsewhere by now. */
  #applyTables(tables) {
    tables.forEach(({ replaced }, group) => this.#leave(replaced, group));
    tables.forEach(({ shortId, start }, group) => {
      shortId.forEach((id, i) => {
        const request = this.requests.get(id);
        this.#cut(request, request.tables[group], start[i]);
        request.tables[group].length = start[i];
      });
    });
    tables.forEach((rows, group) => this.#extend(rows, group));
    tables.forEach(({ replaced }, group) => this.#replace(replaced, group));
    for (const id of this.slidOut) this.leaving.add(id);
  }

  #extend({ shortId, length, blockIds }, group) {
    let at = 0;
    for (let i = 0; i < shortId.length; i++) {
      const request = this.requests.get(shortId[i]);
      const table = request.tables[group];
      for (let end = at + length[i]; at < end; at++) {
        this.#hold(request, blockIds[at], group, table.length);
        table.push(blockIds[at]);
      }
    }
  }

  /** Blocks whose places others have now: the null block where one was given up. */
  #leave({ shortId, index, blockId }, group) {
    for (let i = 0; i < shortId.length; i++) {
      const request = this.requests.get(shortId[i]);
      const before = request.tables[group][index[i]];
      this.#release(request, before);
      if (before !== NULL_BLOCK && blockId[i] === NULL_BLOCK) this.slidOut.push(before);
    }
  }

  #replace({ shortId, index, blockId }, group) {
    for (let i = 0; i < shortId.length; i++) {
      const request = this.requests.get(shortId[i]);
      request.tables[group][index[i]] = blockId[i];
      this.#hold(request, blockId[i], group, index[i]);
    }
  }

  #applyProgress({ shortId, numScheduledTokens, increment }) {
    for (let i = 0; i < shortId.length; i++) {
      const request =
        this.requests.get(shortId[i]) ??
        this.finished.find((one) => one.shortId === shortId[i]);
      request.numScheduledTokens = numScheduledTokens[i];
      const before = request.numComputedTokens;
      request.numComputedTokens = (before + increment[i]) >>> 0;
      if (request.state !== RequestState.FINISHED) this.#markFilled(request, before);
    }
  }

  /** Mark the blocks whose fill changed when numComputedTokens did. */
  #markFilled(request, before) {
    const low = Math.min(before, request.numComputedTokens);
    const high = Math.max(before, request.numComputedTokens);
    request.tables.forEach((table, group) => {
      const { blockSize } = this.groups[group];
      const end = Math.min(Math.ceil(high / blockSize), table.length);
      for (let i = Math.floor(low / blockSize); i < end; i++) this.#dirty.mark(table[i]);
    });
  }

  #applyWaiting({ front, back }) {
    const moved = new Set([...front, ...back]);
    const stays = (id) => {
      const state = this.requests.get(id)?.state;
      const waits = state === RequestState.WAITING || state === RequestState.PREEMPTED;
      return waits && !moved.has(id);
    };
    this.waiting = [...front, ...this.waiting.filter(stays), ...back];
  }

  #applyBlocks({ id, refCnt, flags }) {
    for (let i = 0; i < id.length; i++) {
      const block = id[i];
      this.refCnt[block] = refCnt[i];
      this.hasHash[block] = flags[i] & BlockFlag.HAS_HASH;
      if (flags[i] & BlockFlag.EVICTED) this.evicted.push(block);
      this.#counts[this.stateCodes[block]]--;
      this.stateCodes[block] = this.#derivedState(block);
      this.#counts[this.stateCodes[block]]++;
      this.#dirty.mark(block);
    }
  }
}
