/**
 * Hosts: all engine hosts side by side, small; one of them is shown large.
 *
 * The large one's blocks come from the stage; of the others the server sends keyframes,
 * every few seconds, each behind a mark.
 */

import { FrameError, decodeFrame } from "./frame.js";
import { layOut } from "./layout.js";
import { BLOCK_STATES, Pool } from "./pool.js";
import { engineWords } from "./words.js";

const MARK = 0x4f4c5653; // "SVLO"
const MARK_BYTES = 4;
const MOST_CSS = 8;

/** Whether these bytes are a keyframe of a host that is not shown large. */
export function isOverview(bytes) {
  return bytes.byteLength > MARK_BYTES && new DataView(bytes).getUint32(0, true) === MARK;
}

/** What stands under a host's blocks. Pure. @param {Pool|null} pool */
export function hostWords(status, pool, nowS) {
  if (status.state !== "ready") return engineWords(status, nowS);
  if (status.unreadable) return "of another version: not shown";
  if (status.by_address) return "asked by its address: no blocks seen";
  if (!pool?.counters) return "no blocks seen yet";
  const { used, shared } = pool.totals;
  const share = (100 * (used + shared)) / Math.max(1, pool.numBlocks - 1);
  const { numRunning, numWaiting } = pool.counters;
  return `${share.toFixed(0)}\u202f% used · ${numRunning} running · ${numWaiting} waiting`;
}

/**
 * That hosts have gone; "" where none has. Pure.
 * @param {string[]} ids  @param {string|null} shown  whose blocks are on screen
 */
export function goneWords(ids, shown) {
  return ids
    .map((id) => {
      const rest = id === shown ? ": what is shown are its last blocks." : ".";
      return `Engine host ${id} does not answer any more${rest}`;
    })
    .join(" ");
}

export class Hosts {
  #box;
  #gone;
  #onChoose;
  #pools = new Map();
  #buttons = new Map();

  /**
   * @param {Record<"box"|"gone", HTMLElement>} parts
   * @param {(choice: {kind: "live", id: string}) => void} onChoose
   */
  constructor({ box, gone }, onChoose) {
    this.#box = box;
    this.#gone = gone;
    this.#onChoose = onChoose;
  }

  /** @param {ArrayBuffer} bytes  for which isOverview() holds */
  take(bytes) {
    let frame;
    try {
      frame = decodeFrame(bytes.slice(MARK_BYTES));
    } catch (error) {
      if (error instanceof FrameError) return;
      throw error;
    }
    const pool = this.#pools.get(frame.engineHostId) ?? new Pool();
    this.#pools.set(frame.engineHostId, pool);
    pool.apply(frame);
  }

  /** Show them, where there is more than one. */
  update(engines, stage, palette) {
    const { all } = engines;
    const shown = stage.mode === "recorded" ? null : stage.live.engineHostId;
    setText(this.#gone, goneWords(engines.gone(Date.now()), shown));
    this.#box.hidden = all.length < 2;
    if (this.#box.hidden) return;
    this.#makeButtons(all.map((status) => status.engine_host_id));
    for (const status of all) {
      const id = status.engine_host_id;
      const button = this.#buttons.get(id);
      const pool = id === shown ? stage.live : (this.#pools.get(id) ?? null);
      button.setAttribute("aria-pressed", String(id === shown));
      const [name, canvas, words] = button.children;
      setText(name, id);
      setText(words, hostWords(status, pool, engines.hostNowS(status, Date.now())));
      if (pool?.numBlocks) paint(canvas, pool, palette);
    }
  }

  #makeButtons(ids) {
    if (ids.join() === [...this.#buttons.keys()].join()) return;
    this.#buttons = new Map(ids.map((id) => [id, this.#buttons.get(id) ?? this.#make(id)]));
    this.#box.replaceChildren(...this.#buttons.values());
  }

  #make(id) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "host";
    const [name, words] = [document.createElement("span"), document.createElement("span")];
    name.className = "host-name";
    words.className = "host-words";
    const canvas = document.createElement("canvas");
    canvas.className = "host-canvas";
    canvas.setAttribute("aria-hidden", "true");
    button.append(name, canvas, words);
    button.addEventListener("click", () => this.#onChoose({ kind: "live", id }));
    return button;
  }
}

/** Every block as one small square; what does not fit is left out. */
function paint(canvas, pool, palette) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: widthCss, clientHeight: heightCss } = canvas;
  if (widthCss < 2) return;
  const layout = layOut({ numBlocks: pool.numBlocks, widthCss, heightCss, ratio, mostCss: MOST_CSS });
  const [width, height] = [Math.round(widthCss * ratio), Math.round(heightCss * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const colours = BLOCK_STATES.map((state) => palette[state] ?? palette.rule);
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const size = layout.pitchPx - layout.gapPx;
  for (let id = 1; id < pool.numBlocks; id++) {
    const x = (id % layout.cols) * layout.pitchPx;
    const y = Math.floor(id / layout.cols) * layout.pitchPx;
    const colour = colours[pool.stateCodes[id]];
    for (let row = y; row < Math.min(y + size, height); row++) {
      words.fill(colour, row * width + x, row * width + Math.min(x + size, width));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
