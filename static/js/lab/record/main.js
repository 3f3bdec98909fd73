/**
 * The record button below the instrument: looks its parts up, and wires them.
 */

import { ask as askSite } from "../../answers.js";
import { LookedAt } from "./engine.js";
import { LastMinute } from "./minute.js";
import { Recording } from "./recording.js";

/** Longer than the server waits for an engine's host. */
const PATIENCE_MS = 20_000;
const byId = (id) => document.getElementById(id);
const form = byId("record");

/** A POST or GET that is answered by JSON; throws an Error with a sentence. */
async function ask(url, fields) {
  const body = fields && new FormData(form);
  for (const [name, value] of Object.entries(fields ?? {})) body.set(name, value);
  const answer = await askSite(url, {
    method: fields ? "POST" : "GET", body, headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return answer.json();
}

if (form) {
  const parts = {
    form, button: byId("record-button"), words: byId("record-words"),
    kept: byId("record-kept"), title: byId("record-title"), replay: byId("record-replay"),
  };
  const engine = new LookedAt();
  new Recording(parts, engine, ask);
  new LastMinute(
    { button: byId("record-minute"), words: parts.words }, engine, ask, (url) => location.assign(url),
  );
  document.addEventListener("servelab:engine", ({ detail }) => engine.see(detail));
  document.addEventListener("servelab:recording", ({ detail }) => engine.watchesRecording(detail !== null));
}
