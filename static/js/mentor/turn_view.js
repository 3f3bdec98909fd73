/** One turn on screen. Text by textContent; what the course says and the finished words
 * are HTML that the server has made and sanitised, parsed without running anything. */

import {
  checkSentence,
  costSentence,
  droppedSentence,
  figures,
  offersLabel,
  quietSentence,
  sourceLine,
  stateSentence,
} from "./words.js";

export class TurnView {
  #parts = Object.create(null);
  #answerText = null;
  #html = null;
  #courseHtml = null;
  #measuredHtml = "";
  #handlers;
  element;

  /** @param handlers {onagain(turn), onedit(turn), onoffer(question),
   *   onfeedback(turn, verdict, reason): boolean whether it went out,
   *   onblocks(turn, event), oncopy(turn, element)} */
  constructor(template, turn, handlers) {
    this.element = template.content.firstElementChild.cloneNode(true);
    for (const part of this.element.querySelectorAll("[data-part]")) {
      this.#parts[part.dataset.part] = part;
    }
    this.#handlers = handlers;
    const { again, edit, blocks, copy, verdicts, reasonForm, reason } = this.#parts;
    again.addEventListener("click", () => handlers.onagain(turn.id));
    edit.addEventListener("click", () => handlers.onedit(turn.id));
    copy.addEventListener("click", () => handlers.oncopy(turn.id, this.element));
    blocks.addEventListener("click", (event) => handlers.onblocks(turn.id, event));
    verdicts.addEventListener("click", ({ target }) => this.#judge(turn.id, target));
    reasonForm.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!handlers.onfeedback(turn.id, "wrong", reason.value)) return;
      reasonForm.hidden = true;
      verdicts.querySelector('[data-verdict="wrong"]').focus();
    });
  }

  /** Draw the turn as it is now. @param {boolean} isLast the only one to be replaced
   * @param {object|null} card that its cost is shown for */
  show(turn, engine, nowS, isLast, card) {
    const parts = this.#parts;
    const isOpen = turn.state === "open";
    this.element.dataset.state = turn.state;
    this.element.setAttribute("aria-busy", String(isOpen));
    say(parts.dropped, droppedSentence(turn));
    say(parts.question, turn.question);
    say(parts.selected, turn.selected ? `About: “${turn.selected}”` : "");
    say(parts.state, stateSentence(turn, engine, nowS));
    this.#showMeasured(turn.course?.measured_html ?? "");
    this.#showCourse(turn.course);
    this.#showAnswer(turn, isOpen);
    this.#showLead(turn.leads);
    say(parts.quiet, quietSentence(turn));
    say(parts.error, isOpen ? "" : turn.error);
    say(parts.cost, costSentence(turn.measured, card));
    say(parts.source, sourceLine(turn));
    showFigures(parts.figures, figures(turn.measured));
    showPassages(parts.passages, turn, isOpen);
    parts.blocks.hidden = !(isOpen && Number.isInteger(turn.live?.short_id));
    parts.copy.hidden = isOpen || !(turn.answer || turn.course);
    parts.again.hidden = isOpen || !isLast;
    parts.edit.hidden = isOpen || !isLast;
    parts.verdicts.hidden = isOpen || !turn.course;
    for (const button of parts.verdicts.children) {
      button.setAttribute("aria-pressed", String(turn.verdict === button.dataset.verdict));
    }
  }

  /** What the lab showed when it was asked; it keeps its step and time. */
  #showMeasured(html) {
    if (this.#measuredHtml === html) return;
    this.#measuredHtml = html;
    this.#parts.measuredVoice.hidden = html === "";
    this.#parts.measured.replaceChildren(...parsed(html));
  }

  /** The course's sentences appear once and are never changed by the engine. */
  #showCourse(course) {
    const { courseVoice, course: box, offers } = this.#parts;
    courseVoice.hidden = !course?.has_words;
    if (!course || this.#courseHtml === course.html) return;
    this.#courseHtml = course.html;
    courseVoice.dataset.kind = course.kind;
    box.replaceChildren(...parsed(course.html));
    offers.hidden = course.offers.length === 0;
    const label = document.createElement("span");
    label.textContent = offersLabel(course.kind);
    const buttons = course.offers.map(({ question }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "mentor-example";
      button.textContent = question;
      button.addEventListener("click", () => this.#handlers.onoffer(question));
      return button;
    });
    offers.replaceChildren(label, ...buttons);
  }

  #showAnswer(turn, isOpen) {
    const { answer, engineVoice, check } = this.#parts;
    engineVoice.hidden = !turn.answer;
    say(check, checkSentence(turn));
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
      return;
    }
    const html = turn.checked_html || turn.html;
    if (this.#html === html) return;
    this.#answerText = null;
    this.#html = html;
    answer.replaceChildren(...parsed(html));
  }

  /** The words of an engine that was measured to be good come first; what they rest on
   * folds behind them. */
  #showLead(leads) {
    const { courseVoice, engineVoice, sources } = this.#parts;
    if (leads === !sources.hidden) return;
    sources.hidden = !leads;
    if (leads) sources.append(courseVoice);
    else engineVoice.before(courseVoice);
  }

  /** Right is told at once; wrong asks why first, and is told without a reason too. */
  #judge(turnId, target) {
    const button = target.closest("[data-verdict]");
    if (!button) return;
    const isTakenBack = button.getAttribute("aria-pressed") === "true";
    const verdict = isTakenBack ? "" : button.dataset.verdict;
    if (!this.#handlers.onfeedback(turnId, verdict, "")) return;
    this.#parts.reasonForm.hidden = verdict !== "wrong";
    if (verdict === "wrong") this.#parts.reason.focus();
  }
}

function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html").body.childNodes;
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
  line.hidden = isOpen || turn.passages.length === 0;
  if (line.hidden || line.childNodes.length) return;
  line.append("The engine was given these passages: ");
  turn.passages.forEach((passage, index) => {
    const link = document.createElement("a");
    link.href = passage.url;
    link.textContent = passage.title;
    line.append(index ? ", " : "", link);
  });
}
