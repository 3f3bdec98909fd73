/**
 * Header: the engine's state in its own voice, its start, and what is shown.
 */

import { engineWords, phaseRows, seconds, startForecast } from "./words.js";

export class Header {
  #parts;
  #phasesKey = "";

  /** @param {Record<"state"|"engine"|"note"|"recorded"|"phases"|"handleState", HTMLElement>} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @param {object|null} status   EngineStatus as JSON
   * @param {number} nowS          on that host's clock
   * @param {{connection: string, trouble: string|null, recording: object|null}} around
   */
  update(status, nowS, { connection, trouble, recording }) {
    const { state, engine, note, handleState } = this.#parts;
    const words = connection || engineWords(status, nowS);
    const kind = connection ? "connecting" : (status?.state ?? "none");
    setText(state, recording ? "recorded" : words);
    state.dataset.state = recording ? "recorded" : kind;
    setText(handleState, recording ? "recorded" : words);
    setText(engine, recording ? "" : describe(status));
    const absent = recording && !status ? "No engine answers here, so a recording plays." : "";
    const sentence = trouble ?? (absent || this.#sentence(status, nowS));
    note.hidden = !sentence;
    setText(note, sentence);
    this.#updateRecorded(recording);
    this.#updatePhases(recording ? null : status, nowS);
  }

  #sentence(status, nowS) {
    if (!status) return "";
    if (status.state === "starting" || status.state === "restarting") {
      const forecast = startForecast(status, nowS);
      return [status.reason, forecast && `Starting: ${forecast}.`].filter(Boolean).join(" ");
    }
    if (status.state === "ready") {
      return status.unreadable || readsOnlyWords(status) || randomWords(status);
    }
    return status.reason ?? "";
  }

  #updateRecorded(recording) {
    const { recorded } = this.#parts;
    recorded.hidden = !recording;
    setText(recorded, recording ? recordedWords(recording) : "");
  }

  #updatePhases(status, nowS) {
    const { phases } = this.#parts;
    const isStarting =
      !(status?.reads_only || status?.by_address) &&
      (status?.state === "starting" || status?.state === "restarting");
    phases.hidden = !isStarting;
    if (!isStarting) return;
    const rows = phaseRows(status, nowS);
    const key = rows.map((row) => row.name).join();
    if (key !== this.#phasesKey) {
      this.#phasesKey = key;
      phases.replaceChildren(...rows.map(phaseItem));
    }
    rows.forEach((row, i) => {
      const item = phases.children[i];
      item.classList.toggle("is-running", row.isRunning);
      setText(item.lastChild, seconds(row.seconds));
    });
  }
}

/** "recorded · machine · model · vllm 0.32.0 · 2026-01-02"; unknown parts left out. */
export function recordedWords(recording) {
  const versions = Object.entries(recording.versions ?? {}).map(([name, v]) => `${name} ${v}`);
  const parts = ["recorded", recording.machine, recording.device, recording.model, ...versions];
  const date = (recording.date ?? "").slice(0, 10);
  return [...parts, date].filter(Boolean).join(" · ");
}

/** Why no demonstration is sent to an engine; "" where it is the lab's. */
export function noDemoWords(status) {
  const isElsewhere = status?.reads_only || status?.by_address;
  return isElsewhere ? "This engine is somebody else's: it is sent no demonstration." : "";
}

/** That the engine is somebody else's; "" where it is the lab's. */
export function readsOnlyWords(status) {
  if (status?.by_address) {
    return "This engine is somebody else's, asked by its address: its blocks are not seen.";
  }
  if (!status?.reads_only) return "";
  return "Attached: this engine is somebody else's. The lab shows what it does and sends it nothing.";
}

/** What to think of an engine without trained weights; "" for any other. */
export function randomWords(status) {
  if (!status?.has_random_weights) return "";
  return (
    `Random weights in the shape of ${status.model}: blocks, memory and times are ` +
    "real, the text means nothing."
  );
}

function describe(status) {
  if (!status) return "";
  const model = status.model.split("/").filter(Boolean).at(-1) ?? "";
  return [model, status.device, status.dtype].filter(Boolean).join(" · ");
}

function phaseItem({ name }) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  label.textContent = name;
  const time = document.createElement("span");
  time.className = "phase-seconds";
  item.append(label, time);
  return item;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
