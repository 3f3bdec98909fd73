/** The tables that tell what the bars show: of all steps a row a request, and of the step
 * that is pointed at its tokens by request, all of them. */

import { plural, requestName } from "../words.js";
import { DECODE, PREEMPTED, PREFILL, QUEUED } from "./model.js";

/** @param {HTMLElement} body  @param {import("./model.js").Timeline} timeline */
export function fillTable(body, timeline) {
  body.replaceChildren(...timeline.totals().map(rowOf));
}

/**
 * @param {HTMLElement} title  @param {HTMLElement} body
 * @param {import("./model.js").Timeline} timeline  @param {number} index  of the step
 */
export function fillShares(title, body, timeline, index) {
  const shares = timeline.sharesOf(index);
  const total = shares.reduce((sum, { tokens }) => sum + tokens, 0);
  const step = timeline.steps[index];
  title.textContent = step === undefined ? "" : (
    `Step ${step.toLocaleString("en")}: ${plural(total, "token")} of ${plural(shares.length, "request")}`
  );
  body.replaceChildren(...shares.map(({ id, kind, tokens }) => row(id, [kind, tokens])));
}

function rowOf({ id, prompt, cached, preemptions, again, finish, steps, tokens }) {
  return row(id, [
    prompt, cached, steps[QUEUED], steps[PREFILL], tokens[PREFILL], steps[DECODE], preemptions,
    steps[PREEMPTED], again, finish === "none" ? "goes on" : finish,
  ]);
}

function row(id, cells) {
  const made = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = requestName(id);
  made.append(head, ...cells.map((value) => {
    const cell = document.createElement("td");
    cell.textContent = typeof value === "number" ? value.toLocaleString("en") : value;
    if (typeof value === "number") cell.className = "is-number";
    return cell;
  }));
  return made;
}
