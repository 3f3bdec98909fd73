/** The table that tells what the bars show: a row a request. */

import { requestName } from "../words.js";
import { DECODE, PREEMPTED, PREFILL, QUEUED } from "./model.js";

/** @param {HTMLElement} body  @param {import("./model.js").Timeline} timeline */
export function fillTable(body, timeline) {
  body.replaceChildren(...timeline.totals().map(rowOf));
}

function rowOf({ id, prompt, cached, preemptions, again, finish, steps, tokens }) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = requestName(id);
  const cells = [
    prompt, cached, steps[QUEUED], steps[PREFILL], tokens[PREFILL], steps[DECODE], preemptions,
    steps[PREEMPTED], again, finish === "none" ? "goes on" : finish,
  ];
  row.append(head, ...cells.map((value) => {
    const cell = document.createElement("td");
    cell.textContent = typeof value === "number" ? value.toLocaleString("en") : value;
    if (typeof value === "number") cell.className = "is-number";
    return cell;
  }));
  return row;
}
