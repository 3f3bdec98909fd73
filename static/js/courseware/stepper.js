// Paged against contiguous, moment by moment.

import { pagedKinds, paths, regionKinds, words } from "./cells.js";

const COLUMNS = 26;
const POLICY_WORDS = { max: "for the longest answer", oracle: "for each length, known beforehand" };

export class Stepper {
  #root;
  #data = null;
  #at;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#at = Number(root.dataset.at);
    this.#load();
  }

  async #load() {
    try {
      const answer = await fetch(this.#root.dataset.url);
      if (!answer.ok) return;
      this.#data = await answer.json();
    } catch {
      return; // The figure stays as it is printed.
    }
    this.#listen();
  }

  #listen() {
    const controls = this.#root.querySelector("[data-controls]");
    const slider = controls.querySelector("[data-slider]");
    slider.addEventListener("input", () => this.#go(Number(slider.value)));
    for (const button of controls.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => this.#go(this.#at + Number(button.dataset.step)));
    }
    controls.querySelector("[data-policy]").addEventListener("change", () => this.#go(this.#at));
    controls.hidden = false;
  }

  #go(at) {
    const { steps, num_blocks: numBlocks, block_size: blockSize } = this.#data;
    this.#at = Math.max(0, Math.min(steps.length - 1, at));
    const policy = this.#root.querySelector("[data-policy]").value;
    const paged = this.#data.paged[this.#at];
    const regions = this.#data.contiguous[policy][this.#at];
    this.#draw("paged", pagedKinds(paged, numBlocks), words(paged, blockSize));
    this.#draw("contiguous", regionKinds(regions, numBlocks, blockSize), words(regions, blockSize));
    this.#say("policy", POLICY_WORDS[policy]);
    this.#say("step", `step ${steps[this.#at]} of ${steps.at(-1)}`);
    const slider = this.#root.querySelector("[data-slider]");
    slider.value = String(this.#at);
    slider.setAttribute("aria-valuetext", `step ${steps[this.#at]}`);
  }

  #draw(part, kinds, sentence) {
    const drawing = this.#root.querySelector(`[data-part="${part}"]`);
    const found = paths(kinds, COLUMNS);
    for (const path of drawing.querySelectorAll("path")) {
      path.setAttribute("d", found[path.dataset.kind]);
    }
    drawing.setAttribute("aria-label", `The pool: ${sentence}`);
    this.#say(part, sentence);
  }

  #say(name, sentence) {
    this.#root.querySelector(`[data-words="${name}"]`).textContent = sentence;
  }
}
