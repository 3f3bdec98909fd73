/**
 * The record button below the instrument: looks its parts up, and wires them.
 */

import { LastMinute } from "./minute.js";
import { Recording } from "./recording.js";

const byId = (id) => document.getElementById(id);
const form = byId("record");

/** A POST or GET that is answered by JSON; throws an Error with a sentence. */
async function ask(url, fields) {
  const body = fields && new FormData(form);
  for (const [name, value] of Object.entries(fields ?? {})) body.set(name, value);
  let answer;
  try {
    answer = await fetch(url, {
      method: fields ? "POST" : "GET", body, headers: { Accept: "application/json" },
    });
  } catch {
    throw new Error("The connection is away. Try again when it is back.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.sentence ?? `The server answered ${answer.status}.`);
  return told;
}

if (form) {
  const parts = {
    form, button: byId("record-button"), words: byId("record-words"),
    kept: byId("record-kept"), title: byId("record-title"), replay: byId("record-replay"),
  };
  const recording = new Recording(parts, ask);
  const minute = new LastMinute(
    { button: byId("record-minute"), words: parts.words }, ask, (url) => location.assign(url),
  );
  for (const one of [recording, minute]) {
    document.addEventListener("servelab:engine", ({ detail }) => one.see(detail));
    document.addEventListener("servelab:recording", ({ detail }) => one.watchesRecording(detail !== null));
  }
}
