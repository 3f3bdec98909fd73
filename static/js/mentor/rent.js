/** Which rented card the answers' costs are shown for; the browser remembers it. */

const KEY = "servelab.mentor.card";

export class Rent {
  #parts;
  #cards = [];

  /** @param parts {box, select}  @param {() => void} onchange */
  constructor(parts, onchange) {
    this.#parts = parts;
    parts.select.addEventListener("change", () => {
      remember(parts.select.value);
      onchange();
    });
  }

  /** The cards of the catalog, the one to begin with first. */
  take(cards) {
    const { box, select } = this.#parts;
    const chosen = this.card?.id ?? remembered();
    this.#cards = cards;
    select.replaceChildren(...cards.map(({ id, name }) => new Option(`one ${name}`, id)));
    if (cards.some(({ id }) => id === chosen)) select.value = chosen;
    box.hidden = cards.length === 0;
  }

  /** {id, name, price, doubts} of the chosen card, or null. */
  get card() {
    return this.#cards.find(({ id }) => id === this.#parts.select.value) ?? null;
  }
}

/** A browser may forbid to store anything: then the first card stands each time. */
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(id) {
  try {
    localStorage.setItem(KEY, id);
  } catch {
    // Nothing is kept.
  }
}
