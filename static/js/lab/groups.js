/**
 * GroupSwitch: the KV-cache groups of a model whose layers do not all use full
 * attention, to look at all of them or at one. Hidden for every other model.
 */

import { GroupKind } from "./frame.js";
import { count, plural } from "./words.js";

/** Whether the model has one block table a request, that gives no block up. */
export function isPlain(groups) {
  return groups.length === 0 || (
    groups.length === 1 && groups[0].kind === GroupKind.FULL && groups[0].window === 0
  );
}

/** What the layers of a group look at: "sliding window of 1,024 tokens". */
export function kindWords({ kind, window }) {
  switch (kind) {
    case GroupKind.WINDOW:
      return `sliding window of ${count(window)} tokens`;
    case GroupKind.CHUNK:
      return `chunks of ${count(window)} tokens`;
    case GroupKind.STATE:
      return "states";
    case GroupKind.FULL:
      return window ? `window of ${count(window)} tokens, all kept` : "full attention";
    default:
      return "other layers";
  }
}

/** The group's name, numbered where several groups are of its kind. */
export function groupName(groups, at) {
  const words = kindWords(groups[at]);
  const alike = groups.map(kindWords);
  const number = alike.slice(0, at + 1).filter((one) => one === words).length;
  const all = alike.filter((one) => one === words).length;
  return all > 1 ? `${words} (${number} of ${all})` : words;
}

/** One sentence on what a group's blocks hold and how many it has now. */
export function groupSentence(pool, at) {
  const group = pool.groups[at];
  let held = 0;
  for (let id = 1; id < pool.numBlocks; id++) {
    if (pool.groupCodes[id] === at && pool.refCnt[id] > 0) held += 1;
  }
  const layers = group.numLayers ? `, ${plural(group.numLayers, "layer")}` : "";
  const holds = group.kind === GroupKind.STATE
    ? `a block holds a state, one for ${count(group.blockSize)} tokens`
    : `a block holds ${count(group.blockSize)} tokens`;
  return `${groupName(pool.groups, at)}${layers}: ${holds}; ${plural(held, "block")} in use.`;
}

/** How many blocks the live requests hold no more, though they go on. */
export function givenUpSentence(pool, groups) {
  let given = 0;
  for (const { tables } of pool.requests.values()) {
    for (const at of groups) for (const id of tables[at]) given += id === 0;
  }
  return given
    ? `The requests that run have ${plural(given, "logical block")} that no layer looks at ` +
      "any more: no block stands there."
    : "No block was given up by a request that goes on.";
}

export class GroupSwitch {
  /** Index of the group that is looked at; null: all of them. */
  chosen = null;

  #box;
  #buttons;
  #words;
  #key = "";
  #onChange;

  /** @param {HTMLElement} box  @param {() => void} onChange */
  constructor(box, onChange) {
    this.#box = box;
    this.#onChange = onChange;
    this.#buttons = box.querySelector("[data-groups]");
    this.#words = box.querySelector("[data-words]");
    this.#buttons.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.#choose(button.dataset.group === "" ? null : Number(button.dataset.group));
    });
  }

  #choose(chosen) {
    this.chosen = chosen;
    for (const button of this.#buttons.children) {
      const isChosen = button.dataset.group === (chosen === null ? "" : String(chosen));
      button.setAttribute("aria-pressed", String(isChosen));
    }
    this.#onChange();
  }

  /** @param {import("./pool.js").Pool} pool */
  update(pool) {
    const { groups } = pool;
    const key = JSON.stringify(groups);
    if (key !== this.#key) {
      this.#key = key;
      this.#box.hidden = isPlain(groups);
      this.#buttons.hidden = groups.length < 2;
      this.#buttons.replaceChildren(...buttonsOf(groups));
      this.chosen = null;
    }
    if (this.#box.hidden) return;
    const shown = this.chosen === null ? groups.map((_, at) => at) : [this.chosen];
    const words = [
      ...shown.map((at) => sentence(groupSentence(pool, at))),
      givenUpSentence(pool, shown),
    ].join(" ");
    if (this.#words.textContent !== words) this.#words.textContent = words;
  }
}

function sentence(words) {
  return words[0].toUpperCase() + words.slice(1);
}

function buttonsOf(groups) {
  const names = groups.map((_, at) => [String(at), groupName(groups, at)]);
  return [["", "All groups"], ...names].map(([group, name]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "lab-button";
    button.dataset.group = group;
    button.textContent = name;
    button.setAttribute("aria-pressed", String(group === ""));
    return button;
  });
}
