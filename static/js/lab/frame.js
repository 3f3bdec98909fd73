/**
 * Frames: bytes to a plain object. docs/frame-format.md draws every byte.
 *
 * No DOM and no state: the same bytes always give the same object.
 */

/** State of a request, as vLLM has it. */
export const RequestState = Object.freeze({
  WAITING: 0,
  RUNNING: 1,
  PREEMPTED: 2,
  FINISHED: 3,
});

/** Why a request finished. */
export const Finish = Object.freeze({
  NONE: 0,
  STOPPED: 1,
  LENGTH: 2,
  ABORTED: 3,
  ERROR: 4,
  REPETITION: 5,
});

/** Bits of `blocks.flags`. */
export const BlockFlag = Object.freeze({ HAS_HASH: 1, EVICTED: 2 });

/** Kinds of KV-cache groups, as lab/tracing/groups.py has them. */
export const GroupKind = Object.freeze({ FULL: 0, WINDOW: 1, CHUNK: 2, STATE: 3, OTHER: 4 });

export const FORMAT_VERSION = 2;
const PLAIN_VERSION = 1;

const MAGIC = 0x464c5653; // "SVLF"
const HEADER_BYTES = 85;
const MAX_BLOCKS = 1 << 24;
const MAX_GROUPS = 127;
const CHECKED_FROM = 8;

/** Bytes that are not a whole frame of this version; the message is a sentence. */
export class FrameError extends Error {
  /** @param {string} message  @param {{isOfAnotherVersion?: boolean}} [about] */
  constructor(message, { isOfAnotherVersion = false } = {}) {
    super(message);
    this.name = "FrameError";
    this.isOfAnotherVersion = isOfAnotherVersion;
  }
}

/**
 * @typedef {object} Frame
 * @property {boolean} isKeyframe
 * @property {string} engineHostId
 * @property {number} engineRun   counts engine starts of that host
 * @property {number} seq
 * @property {number} baseSeq     seq of the frame that this one builds on
 * @property {number} stampMs     Unix time in ms at emission in the scheduler
 * @property {number} numBlocks   physical blocks in the pool, null block included
 * @property {number} blockSize   tokens a block
 * @property {Counters} counters
 * @property {RequestRows} requests  changed requests; in a keyframe all live ones
 * @property {Group[]} groups  KV-cache groups; one of full attention in format 1
 * @property {TableRows[]} tables  of each group
 * @property {ProgressRows} progress
 * @property {{front: Uint32Array, back: Uint32Array}} waiting  short ids
 * @property {BlockRows} blocks
 * @property {Uint8Array|null} hashBits  keyframe: one bit a block, lowest bit first
 *
 * @typedef {object} Counters
 * @property {number} step                 calls of schedule() in this run
 * @property {number} numFreeBlocks        in the free block queue (free or cached)
 * @property {number} numWaiting
 * @property {number} numRunning
 * @property {number} numEvictions         in this run
 * @property {number} numPreemptions       in this run
 * @property {number} prefixQueryTokens    in this run
 * @property {number} prefixHitTokens      in this run
 * @property {number} numScheduledTokens   since the frame before
 * @property {number} numSampledTokens     since the frame before (derived)
 *
 * @typedef {object} RequestRows  columns of equal length
 * @property {Uint32Array} shortId
 * @property {Uint32Array} state
 * @property {Uint32Array} finish
 * @property {Uint32Array} numPromptTokens
 * @property {Uint32Array} numCachedTokens
 * @property {Uint32Array} numPreemptions
 *
 * @typedef {object} Group
 * @property {number} kind       see GroupKind
 * @property {number} blockSize  tokens a block
 * @property {number} window     tokens; 0: none
 * @property {number} numLayers  0: not told
 *
 * @typedef {object} TableRows  columns of equal length, and all block ids in a row
 * @property {Uint32Array} shortId
 * @property {Uint32Array} start    logical index at which the table is cut, then grown
 * @property {Uint32Array} length   how many of blockIds are this request's
 * @property {Uint32Array} blockIds
 * @property {{shortId: Uint32Array, index: Uint32Array, blockId: Uint32Array}} replaced
 *   places before `start` that another block has now
 *
 * @typedef {object} ProgressRows  columns of equal length
 * @property {Uint32Array} shortId
 * @property {Uint32Array} numScheduledTokens  in the last step that had the request
 * @property {Uint32Array} increment           of num_computed_tokens, modulo 2^32
 *
 * @typedef {object} BlockRows  columns of equal length
 * @property {Uint32Array} id
 * @property {Uint32Array} refCnt
 * @property {Uint32Array} flags   see BlockFlag; empty in a keyframe
 */

/**
 * Decode one frame.
 * @param {ArrayBuffer|Uint8Array} bytes
 * @returns {Frame}
 * @throws {FrameError} when the bytes are foreign, damaged or of another version
 */
export function decodeFrame(bytes) {
  const array = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const view = new DataView(array.buffer, array.byteOffset, array.byteLength);
  check(array, view);
  const isKeyframe = view.getUint8(9) === 0;
  const numBlocks = view.getUint32(12, true);
  const body = new Body(array, view, HEADER_BYTES);
  const engineHostId = body.text(view.getUint8(84));
  const isPlain = view.getUint8(8) === PLAIN_VERSION;
  const groups = isPlain
    ? [{ kind: GroupKind.FULL, blockSize: view.getUint16(10, true), window: 0, numLayers: 0 }]
    : groupRows(body);
  const requests = requestRows(body);
  const tables = groups.map(() => tableRows(body, numBlocks, isPlain));
  const progress = progressRows(body);
  const waiting = { front: body.list(), back: body.list() };
  const hashBits = isKeyframe ? body.bytes(Math.ceil(numBlocks / 8)) : null;
  const blocks = blockRows(body, isKeyframe, numBlocks);
  body.end();
  return {
    isKeyframe,
    engineHostId,
    engineRun: view.getUint32(16, true),
    seq: view.getUint32(20, true),
    baseSeq: view.getUint32(24, true),
    stampMs: view.getFloat64(32, true),
    numBlocks,
    blockSize: view.getUint16(10, true),
    counters: counters(view),
    groups,
    requests,
    tables,
    progress,
    waiting,
    blocks,
    hashBits,
  };
}

function counters(view) {
  return {
    step: view.getUint32(28, true),
    prefixQueryTokens: view.getFloat64(40, true),
    prefixHitTokens: view.getFloat64(48, true),
    numFreeBlocks: view.getUint32(56, true),
    numWaiting: view.getUint32(60, true),
    numRunning: view.getUint32(64, true),
    numEvictions: view.getUint32(68, true),
    numPreemptions: view.getUint32(72, true),
    numScheduledTokens: view.getUint32(76, true),
    numSampledTokens: view.getUint32(80, true),
  };
}

function check(array, view) {
  if (array.length < HEADER_BYTES) {
    throw new FrameError(
      `A frame has at least ${HEADER_BYTES} bytes; these are ${array.length}.`,
    );
  }
  if (view.getUint32(0, true) !== MAGIC) {
    throw new FrameError("These bytes are not a frame: they do not start with SVLF.");
  }
  const version = view.getUint8(8);
  if (version < PLAIN_VERSION || version > FORMAT_VERSION) {
    throw new FrameError(
      `The frame has format version ${version}; this page reads ` +
        `${PLAIN_VERSION} to ${FORMAT_VERSION}. Reload the page.`,
      { isOfAnotherVersion: true },
    );
  }
  if (crc32(array.subarray(CHECKED_FROM)) !== view.getUint32(4, true)) {
    throw new FrameError("The frame is damaged: its checksum does not match.");
  }
  if (view.getUint8(9) > 1) {
    throw new FrameError(`Frame kind ${view.getUint8(9)} is unknown: 0 or 1.`);
  }
  const [blockSize, numBlocks] = [view.getUint16(10, true), view.getUint32(12, true)];
  if (blockSize === 0 || numBlocks === 0 || numBlocks > MAX_BLOCKS) {
    throw new FrameError(`A frame of ${numBlocks} blocks of ${blockSize} tokens.`);
  }
}

function groupRows(body) {
  const count = body.count();
  if (count === 0 || count > MAX_GROUPS) {
    throw new FrameError(`A frame of ${count} KV-cache groups.`);
  }
  const [kind, blockSize, window, numLayers] = [0, 1, 2, 3].map(() => body.column(count));
  if (kind.some((one) => one > GroupKind.OTHER) || blockSize.includes(0)) {
    throw new FrameError("The frame has a KV-cache group of an unknown kind.");
  }
  return Array.from(kind, (_, i) => ({
    kind: kind[i], blockSize: blockSize[i], window: window[i], numLayers: numLayers[i],
  }));
}

function requestRows(body) {
  const count = body.count();
  const shortId = body.ascending(count);
  const states = body.column(count);
  const rows = {
    shortId,
    state: states.map((word) => word & 15),
    finish: states.map((word) => word >>> 4),
    numPromptTokens: body.column(count),
    numCachedTokens: body.column(count),
    numPreemptions: body.column(count),
  };
  if (rows.state.some((state) => state > RequestState.FINISHED)) {
    throw new FrameError("The frame has a request in an unknown state.");
  }
  return rows;
}

function tableRows(body, numBlocks, isPlain) {
  const count = body.count();
  const shortId = body.ascending(count);
  const start = body.column(count);
  const length = body.column(count);
  const source = body.column(count);
  const copied = body.column(count);
  const ownIds = body.list();
  if (ownIds.some((id) => id >= numBlocks)) {
    throw new FrameError(`A block table names a block beyond the ${numBlocks}.`);
  }
  const blockIds = withCopies(length, source, copied, ownIds);
  const numReplaced = isPlain ? 0 : body.count();
  const [who, index, blockId] = [0, 1, 2].map(() => body.column(numReplaced));
  if (blockId.some((id) => id >= numBlocks)) {
    throw new FrameError(`A place in a table has a block beyond the ${numBlocks}.`);
  }
  return { shortId, start, length, blockIds, replaced: { shortId: who, index, blockId } };
}

/** Block tables written out: each begins with a copy out of an earlier one. */
function withCopies(length, source, copied, ownIds) {
  const starts = new Uint32Array(length.length + 1);
  let total = 0;
  let numOwn = 0;
  for (let i = 0; i < length.length; i++) {
    const fits =
      copied[i] === 0 || (source[i] < i && copied[i] <= length[source[i]]);
    if (!fits || copied[i] > length[i]) {
      throw new FrameError("A block table copies from where there is nothing.");
    }
    numOwn += length[i] - copied[i];
    total += length[i];
    starts[i + 1] = total;
    if (total > 0xffffff) throw new FrameError("The frame's block tables are too long.");
  }
  if (numOwn !== ownIds.length) {
    throw new FrameError(
      `The block tables need ${numOwn} block ids; the frame has ${ownIds.length}.`,
    );
  }
  const blockIds = new Uint32Array(total);
  let at = 0;
  for (let i = 0; i < length.length; i++) {
    const from = starts[source[i]];
    if (copied[i]) blockIds.copyWithin(starts[i], from, from + copied[i]);
    const own = length[i] - copied[i];
    blockIds.set(ownIds.subarray(at, at + own), starts[i] + copied[i]);
    at += own;
  }
  return blockIds;
}

function progressRows(body) {
  const count = body.count();
  return {
    shortId: body.ascending(count),
    numScheduledTokens: body.column(count),
    increment: body.column(count),
  };
}

function blockRows(body, isKeyframe, numBlocks) {
  const count = body.count();
  const id = body.ascending(count);
  if (count && id[count - 1] >= numBlocks) {
    throw new FrameError(`The frame names block ${id[count - 1]} of ${numBlocks}.`);
  }
  const refCnt = body.column(count);
  const flags = isKeyframe ? new Uint32Array(0) : body.column(count);
  return { id, refCnt, flags };
}

/** Reads the body from front to back; every read is checked against the end. */
class Body {
  #array;
  #view;
  #at;

  constructor(array, view, at) {
    this.#array = array;
    this.#view = view;
    this.#at = at;
  }

  #take(numBytes) {
    const at = this.#at;
    if (at + numBytes > this.#array.length) {
      throw new FrameError(
        `The frame is cut short: byte ${at + numBytes} of ${this.#array.length}.`,
      );
    }
    this.#at = at + numBytes;
    return at;
  }

  bytes(numBytes) {
    const at = this.#take(numBytes);
    return this.#array.slice(at, at + numBytes);
  }

  text(numBytes) {
    return new TextDecoder().decode(this.bytes(numBytes));
  }

  count() {
    const count = this.#view.getUint32(this.#take(4), true);
    if (count > 0xffffff) throw new FrameError(`A frame section of ${count} rows.`);
    return count;
  }

  /** One column of `count` numbers: width byte, then the numbers (or their one value). */
  column(count) {
    if (count === 0) return new Uint32Array(0);
    const width = this.#view.getUint8(this.#take(1));
    const column = new Uint32Array(count);
    if (width === 0) {
      return column.fill(this.#view.getUint32(this.#take(4), true));
    }
    if (width !== 1 && width !== 2 && width !== 4) {
      throw new FrameError(`A frame column is ${width} bytes wide: 0, 1, 2 or 4.`);
    }
    const at = this.#take(count * width);
    if (width === 1) {
      column.set(this.#array.subarray(at, at + count));
    } else if (width === 2) {
      for (let i = 0; i < count; i++) column[i] = this.#view.getUint16(at + 2 * i, true);
    } else {
      for (let i = 0; i < count; i++) column[i] = this.#view.getUint32(at + 4 * i, true);
    }
    return column;
  }

  /** Ascending numbers: the first one, then a column of the gaps. */
  ascending(count) {
    if (count === 0) return new Uint32Array(0);
    const column = new Uint32Array(count);
    column[0] = this.#view.getUint32(this.#take(4), true);
    const gaps = this.column(count - 1);
    for (let i = 1; i < count; i++) {
      const next = column[i - 1] + gaps[i - 1];
      if (gaps[i - 1] === 0 || next > 0xffffffff) {
        throw new FrameError("The frame's numbers do not ascend.");
      }
      column[i] = next;
    }
    return column;
  }

  /** A count, then a column. */
  list() {
    return this.column(this.count());
  }

  end() {
    if (this.#at !== this.#array.length) {
      throw new FrameError(
        `The frame has ${this.#array.length - this.#at} bytes too many.`,
      );
    }
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as zlib has it. */
function crc32(array) {
  let crc = 0xffffffff;
  for (let i = 0; i < array.length; i++) {
    crc = CRC_TABLE[(crc ^ array[i]) & 255] ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
