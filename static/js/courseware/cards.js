// The checklist: how many users of a model fit on each card.

const GIB = 2 ** 30;

/**
 * Users that fit beside the weights: 0 when the weights fill the card already.
 * @param {number} gib memory that a program sees
 * @param {{weights: number, overhead: number, kvBytes: number}} model GiB, GiB, bytes a token
 */
export function usersThatFit(gib, utilisation, model, context) {
  const room = gib * utilisation - model.weights - model.overhead;
  return Math.max(0, Math.floor((room * GIB) / (model.kvBytes * context)));
}

export class CardList {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    root.addEventListener("input", () => this.#filter());
    root.querySelector("[data-controls]").hidden = false;
    this.#filter();
  }

  #filter() {
    const choice = this.#part("model").selectedOptions[0];
    const isChosen = choice.value !== "";
    const model = {
      weights: Number(choice.dataset.weights),
      overhead: Number(choice.dataset.overhead),
      kvBytes: Number(choice.dataset.kv),
    };
    const users = Math.max(1, Number(this.#part("users").value) || 1);
    const context = Math.max(16, Number(this.#part("context").value) || 16);
    const rows = [...this.#root.querySelectorAll("tr[data-gib]")];
    let numFitting = 0;
    for (const row of rows) {
      const gib = Number(row.dataset.gib);
      const fitting = usersThatFit(gib, Number(this.#root.dataset.utilisation), model, context);
      const isEnough = !isChosen || fitting >= users;
      numFitting += isEnough ? 1 : 0;
      row.hidden = this.#part("only").checked && !isEnough;
      const cell = row.querySelector("[data-column]");
      cell.textContent = verdict(fitting, users);
      if (isChosen && !isEnough && this.#root.dataset.cluster) {
        cell.append(" ", this.#wayOn(choice.value, row, users, context));
      }
    }
    for (const cell of this.#root.querySelectorAll("[data-column]")) cell.hidden = !isChosen;
    this.#part("words").textContent = isChosen
      ? `${numFitting} of ${rows.length} cards hold it for ${users} users.`
      : "";
  }

  /** Where one card is not enough: how many are. */
  #wayOn(model, row, users, context) {
    const gpu = row.querySelector("th").textContent.trim();
    const link = document.createElement("a");
    link.href = clusterLink(this.#root.dataset.cluster, { model, gpu, users, context });
    link.textContent = "how many?";
    link.setAttribute("aria-label", `How many ${gpu} hold it?`);
    return link;
  }

  #part(name) {
    return this.#root.querySelector(`[data-${name}]`);
  }
}

/** The address of the figure that arranges several cards, with this choice. */
export function clusterLink(address, choice) {
  return `${address}?${new URLSearchParams(choice)}`;
}

/** The verdict on a card in words. */
export function verdict(fitting, users) {
  if (fitting === 0) return "too small";
  if (fitting < users) return `${fitting} users only`;
  return `fits, up to ${fitting}`;
}
