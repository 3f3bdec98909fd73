/**
 * Source: the menu of what can be shown: engine hosts and recordings.
 */

import { ask } from "../answers.js";

export class Source {
  #label;
  #select;
  #url;
  #recordings = [];
  #key = "";

  /** @param {(choice: {kind: "live"|"recording", id: string}) => void} onChoose */
  constructor(label, select, recordingsUrl, onChoose) {
    this.#label = label;
    this.#select = select;
    this.#url = recordingsUrl;
    select.addEventListener("change", () => {
      const [kind, ...id] = select.value.split(":");
      onChoose({ kind, id: id.join(":") });
    });
  }

  /** Read the list of recordings; returns whether there are any. */
  async load() {
    const response = await ask(this.#url, { headers: { Accept: "application/json" } });
    this.#recordings = (await response.json()).recordings;
    return this.#recordings.length > 0;
  }

  /** The recording that plays where no engine runs; undefined: there is none. */
  get first() {
    return this.#recordings[0];
  }

  /** A recording of the menu: its id, its header, its addresses. */
  find(recordingId) {
    return this.#recordings.find(({ id }) => id === recordingId) ?? null;
  }

  /** Frames of a recording. @returns {Promise<ArrayBuffer>} */
  async fetch(recordingId) {
    return (await ask(this.find(recordingId).frames_url)).arrayBuffer();
  }

  /** Show the choices. @param {object[]} statuses  @param {string} shown the value */
  update(statuses, shown) {
    const live = statuses.length
      ? statuses.map((status) => ({
          value: `live:${status.engine_host_id}`,
          label: statuses.length > 1 ? `live: ${status.engine_host_id}` : "live",
        }))
      : [{ value: "live:", label: "live" }];
    const recorded = this.#recordings.map(({ id, title }) => ({
      value: `recording:${id}`,
      label: `recorded: ${title}`,
    }));
    const options = [...live, ...recorded];
    this.#label.hidden = options.length < 2;
    const key = options.map(({ value }) => value).join();
    if (key !== this.#key) {
      this.#key = key;
      this.#select.replaceChildren(...options.map(({ value, label }) => new Option(label, value)));
    }
    if (document.activeElement !== this.#select) {
      const isKnown = options.some(({ value }) => value === shown);
      this.#select.value = isKnown ? shown : options[0].value;
    }
  }
}
