/** Where the learner is: the section in view, and text of the chapter selected. */

const MAX_SELECTED_CHARS = 1_000;
const GAP_PX = 8;

/** Anchor of the section that the contents mark as being read; "" if none is. */
export function sectionInView() {
  const link = document.querySelector(".contents a[aria-current]");
  return link ? decodeURIComponent(link.hash.slice(1)) : "";
}

/** White space as one blank, and no longer than a question can be about. */
export function bounded(text) {
  const line = text.replace(/\s+/g, " ").trim();
  if (line.length <= MAX_SELECTED_CHARS) return line;
  const cut = line.slice(0, MAX_SELECTED_CHARS);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** Offers "Explain this" beside what is selected in the chapter. */
export class SelectedText {
  #button = document.createElement("button");
  #handlers;

  /** @param {HTMLElement} chapter
   * @param handlers {onselect(text), onexplain(text)} */
  constructor(chapter, handlers) {
    this.#handlers = handlers;
    const button = this.#button;
    button.type = "button";
    button.className = "mentor-explain";
    button.textContent = "Explain this";
    button.hidden = true;
    chapter.append(button);
    // A press must not take the selection away before it is read.
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", () => {
      const text = this.#text(chapter);
      button.hidden = true;
      if (text) handlers.onexplain(text);
    });
    document.addEventListener("selectionchange", () => this.#look(chapter));
  }

  #look(chapter) {
    const text = this.#text(chapter);
    this.#button.hidden = !text;
    if (!text) return;
    this.#handlers.onselect(text);
    const box = getSelection().getRangeAt(0).getBoundingClientRect();
    const origin = chapter.getBoundingClientRect();
    this.#button.style.top = `${box.bottom - origin.top + GAP_PX}px`;
    const left = Math.min(box.left - origin.left, origin.width - this.#button.offsetWidth);
    this.#button.style.left = `${Math.max(0, left)}px`;
  }

  #text(chapter) {
    const selection = getSelection();
    if (!selection || selection.isCollapsed) return "";
    return chapter.contains(selection.anchorNode) ? bounded(selection.toString()) : "";
  }
}
