/** One turn on screen. Text by textContent; the finished answer is HTML that the
 * server has sanitised, parsed without running anything. */

import { droppedSentence, figures, sourceLine, stateSentence } from "./words.js";

export class TurnView {
  #parts = {};
  #answerText = null;
  #html = null;
  element;

  /** @param handlers {onagain(turn), onblocks(turn), oncopy(turn, answerElement)} */
  constructor(template, turn, handlers) {
    this.element = template.content.firstElementChild.cloneNode(true);
    for (const part of this.element.querySelectorAll("[data-part]")) {
      this.#parts[part.dataset.part] = part;
    }
    const { again, blocks, copy, answer } = this.#parts;
    again.addEventListener("click", () => handlers.onagain(turn.id));
    copy.addEventListener("click", () => handlers.oncopy(turn.id, answer));
    blocks.addEventListener("click", (event) => handlers.onblocks(turn.id, event));
  }

  /** Draw the turn as it is now. */
  show(turn, engine, nowS) {
    const parts = this.#parts;
    const isOpen = turn.state === "open";
    this.element.dataset.state = turn.state;
    this.element.setAttribute("aria-busy", String(isOpen));
    say(parts.dropped, droppedSentence(turn));
    say(parts.question, turn.question);
    say(parts.state, stateSentence(turn, engine, nowS));
    this.#showAnswer(turn, isOpen);
    say(parts.error, isOpen ? "" : turn.error);
    say(parts.source, sourceLine(turn));
    showFigures(parts.figures, figures(turn.measured));
    showPassages(parts.passages, turn, isOpen);
    parts.blocks.hidden = !(isOpen && Number.isInteger(turn.live?.short_id));
    parts.copy.hidden = isOpen || !turn.answer;
    parts.again.hidden = turn.state !== "failed";
  }

  #showAnswer(turn, isOpen) {
    const { answer } = this.#parts;
    answer.hidden = !turn.answer;
    if (isOpen) {
      this.#html = null;
      if (this.#answerText === null) {
        this.#answerText = document.createTextNode("");
        answer.replaceChildren(this.#answerText);
      }
      const shown = this.#answerText.data;
      if (turn.answer.startsWith(shown)) {
        this.#answerText.appendData(turn.answer.slice(shown.length));
      } else {
        this.#answerText.data = turn.answer;
      }
    } else if (this.#html !== turn.html) {
      this.#answerText = null;
      this.#html = turn.html;
      const parsed = new DOMParser().parseFromString(turn.html, "text/html");
      answer.replaceChildren(...parsed.body.childNodes);
    }
  }
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

function showFigures(list, rows) {
  list.hidden = rows.length === 0;
  if (list.childElementCount === rows.length) return;
  list.replaceChildren(
    ...rows.map(([name, value, explanation]) => {
      const row = document.createElement("div");
      row.title = explanation;
      const term = document.createElement("dt");
      term.textContent = name;
      const figure = document.createElement("dd");
      figure.textContent = value;
      row.append(term, figure);
      return row;
    }),
  );
}

function showPassages(line, turn, isOpen) {
  line.hidden = isOpen || turn.state === "failed";
  if (line.hidden || line.childNodes.length) return;
  if (turn.passages.length === 0) {
    line.textContent = "No passage of the chapter fits: this answer is not backed by it.";
    return;
  }
  line.append("It was given these passages: ");
  turn.passages.forEach((passage, index) => {
    const link = document.createElement("a");
    link.href = passage.url;
    link.textContent = passage.title;
    line.append(index ? ", " : "", link);
  });
}
