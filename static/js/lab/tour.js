/**
 * Tour: five sentences on a first visit, each beside what it speaks of.
 */

const SEEN = "servelab.tour";
export const STOPS = Object.freeze([
  ["grid", "Each square is one physical block of the engine's KV cache. It fills from the bottom as tokens are computed."],
  ["legend", "Colours and marks say who has a block. Choose one here and only those stay bright; your own questions carry a ring."],
  ["time", "Steps are too fast to read. Pause, or drag back through the last minute, frame by frame."],
  ["demos", "These send real requests to this engine: watch blocks being shared, waited for, and taken away."],
  ["views", "Choose a request to see its block table. “In words” says everything on this panel as text."],
]);

export class Tour {
  #parts;
  #root;
  #at = 0;

  /**
   * @param {ParentNode} root  holds the elements with data-tour
   * @param {Record<"box"|"words"|"place"|"next"|"end"|"again", HTMLElement>} parts
   */
  constructor(root, parts) {
    this.#root = root;
    this.#parts = parts;
    parts.next.addEventListener("click", () => this.#show(this.#at + 1));
    parts.end.addEventListener("click", () => this.#end());
    parts.again.addEventListener("click", () => {
      this.#show(0);
      parts.next.focus();
    });
    parts.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#end();
    });
    if (!wasSeen()) this.#show(0);
  }

  #show(at) {
    if (at >= STOPS.length) {
      this.#end();
      return;
    }
    this.#at = at;
    const [name, sentence] = STOPS[at];
    const { box, words, place, next } = this.#parts;
    box.hidden = false;
    words.textContent = sentence;
    place.textContent = `${at + 1} of ${STOPS.length}`;
    next.textContent = at === STOPS.length - 1 ? "Done" : "Next";
    this.#mark(name);
    if (at > 0) this.#root.querySelector(".is-toured")?.scrollIntoView({ block: "nearest" });
  }

  #end() {
    this.#parts.box.hidden = true;
    this.#mark(null);
    try {
      localStorage.setItem(SEEN, "1");
    } catch {
      // Storage may be refused; then the tour comes again on the next visit.
    }
  }

  #mark(name) {
    for (const element of this.#root.querySelectorAll("[data-tour]")) {
      element.classList.toggle("is-toured", element.dataset.tour === name);
    }
  }
}

function wasSeen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return false;
  }
}
