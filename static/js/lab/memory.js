/**
 * MemoryPanel: where the memory is, to scale; measured, and unknown where it is not.
 */

import { bytes } from "./words.js";

const PARTS = [
  ["weights", "weights_bytes", "weights"],
  ["kv", "kv_cache_bytes", "KV cache"],
  ["graphs", "graphs_bytes", "CUDA graphs"],
  ["activations", "activations_bytes", "activations"],
  ["outside", "non_torch_bytes", "outside of PyTorch"],
  ["gap", "gap_bytes", "gap: used, but nobody accounts for it"],
];
const ON_A_CARD = new Set(["graphs", "activations", "outside"]);

/**
 * The parts of a sample that are known, in order, and what is left of the total. Pure.
 * @returns {{name: string, label: string, bytes: number, share: number}[]}
 */
export function partsOf(sample) {
  const total = sample.total_bytes;
  const parts = PARTS.filter(([, field]) => sample[field] > 0).map(([name, field, label]) => ({
    name,
    label,
    bytes: sample[field],
  }));
  const known = parts.reduce((sum, part) => sum + part.bytes, 0);
  const scale = Math.max(total ?? 0, known);
  if (scale > known) {
    const used = Math.max(known, sample.used_bytes ?? known);
    if (used > known) parts.push({ name: "others", label: "used by others", bytes: used - known });
    if (scale > used) parts.push({ name: "free", label: "free", bytes: scale - used });
  }
  return parts.map((part) => ({ ...part, share: part.bytes / scale }));
}

/** The sentence above the bar. Pure. */
export function memorySentence(sample) {
  if (sample.is_gpu) {
    return (
      `${sample.device}: ${bytes(sample.used_bytes)} of ${bytes(sample.total_bytes)} ` +
      "in use, read from NVML."
    );
  }
  return (
    `CPU engine: there is no GPU here, so this is the memory of the engine's ` +
    `processes, ${bytes(sample.process_bytes)} of the machine's ` +
    `${bytes(sample.total_bytes)}.`
  );
}

/** Rows of the table: [words, value, part of the bar]. Pure. */
export function memoryRows(sample) {
  const known = (value, unit) =>
    value === null || value === undefined ? null : `${Math.round(value)}\u202f${unit}`;
  const rows = [
    ["total", bytes(sample.total_bytes)],
    ["in use", bytes(sample.used_bytes)],
    ["the engine's processes", bytes(sample.process_bytes)],
    ...PARTS.filter(([name]) => sample.is_gpu || !ON_A_CARD.has(name)).map(
      ([name, field, label]) => [label, bytes(sample[field]), name],
    ),
  ];
  if (sample.is_gpu) {
    rows.push(
      ["of the gap: driver, CUDA context and others, before the weights came",
        bytes(sample.at_start_bytes)],
      ["utilisation", known(sample.utilisation_pct, "%") ?? "unknown"],
      ["power", known(sample.power_w, "W") ?? "unknown"],
      ["temperature", known(sample.temperature_c, "°C") ?? "unknown"],
    );
  }
  return rows;
}

function traffic(sent, received) {
  const rate = (value) => (value === null ? "unknown" : `${bytes(value)}/s`);
  return sent === null && received === null ? "unknown" : `${rate(sent)} out, ${rate(received)} in`;
}

/** Cells of one card's row: as NVML tells it, "unknown" where it does not. Pure. */
export function cardCells(card) {
  const known = (value, unit) => (value === null ? "unknown" : `${Math.round(value)}\u202f${unit}`);
  return [
    `rank ${card.rank}`,
    `${bytes(card.used_bytes)} of ${bytes(card.total_bytes)}`,
    known(card.utilisation_pct, "%"),
    known(card.power_w, "W"),
    known(card.temperature_c, "°C"),
    traffic(card.pcie_sent_bytes_per_s, card.pcie_received_bytes_per_s),
    traffic(card.nvlink_sent_bytes_per_s, card.nvlink_received_bytes_per_s),
  ];
}

/** What to think of several cards and one grid; "" for one. Pure. */
export function cardsSentence(cards) {
  if (cards.length < 2) return "";
  return (
    `${cards.length} cards, one rank each. Every rank keeps its part of each block, under ` +
    "the same block id: the grid above is the pool of each of them."
  );
}

export class MemoryPanel {
  #parts;

  /** @param {Record<"words"|"bar"|"table"|"rows"|"note"|"cards"|"cardsWords"|"cardRows",
   *   HTMLElement>} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Show a MemorySample; null: none is known. */
  update(sample) {
    const { words, bar, table, rows, note, cards } = this.#parts;
    if (!sample) cards.hidden = true;
    table.hidden = !sample;
    bar.hidden = !sample;
    if (!sample) {
      words.textContent = "No measurement has come yet.";
      return;
    }
    words.textContent = memorySentence(sample);
    bar.replaceChildren(...partsOf(sample).map(barPart));
    rows.replaceChildren(...memoryRows(sample).map(tableRow));
    note.textContent = sample.note ?? "";
    this.#showCards(sample.cards ?? []);
  }

  #showCards(samples) {
    const { cards, cardsWords, cardRows } = this.#parts;
    cards.hidden = samples.length === 0;
    cardsWords.textContent = cardsSentence(samples);
    cardRows.replaceChildren(...samples.map(cardRow));
  }
}

function cardRow(card) {
  const row = document.createElement("tr");
  const [name, ...values] = cardCells(card);
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  head.title = card.name;
  row.append(head);
  for (const value of values) row.insertCell().textContent = value;
  if (card.total_bytes) row.cells[1].append(meterOf(card));
  return row;
}

/** Used of total, as a bar. */
function meterOf(card) {
  const meter = document.createElement("meter");
  meter.max = card.total_bytes;
  meter.value = card.used_bytes;
  meter.setAttribute("aria-hidden", "true");
  return meter;
}

function barPart({ name, label, share }) {
  const part = document.createElement("span");
  part.className = `memory-part is-${name}`;
  part.style.flexGrow = String(share);
  part.title = label;
  if (share > 0.16) part.textContent = label.split(":")[0];
  return part;
}

function tableRow([label, value, name]) {
  const row = document.createElement("tr");
  if (name) row.className = `is-${name}`;
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = label;
  const cell = document.createElement("td");
  cell.className = "is-number";
  cell.textContent = value;
  row.append(head, cell);
  return row;
}
