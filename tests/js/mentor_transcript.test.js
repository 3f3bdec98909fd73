import assert from "node:assert/strict";
import { test } from "node:test";

import { Transcript } from "../../static/js/mentor/transcript.js";

const turn = (id, more = {}) => ({
  id,
  conversation: "c1",
  title: "What?",
  question: "What?",
  state: "open",
  answer: "",
  ...more,
});
const event = (id, offset, text, more = {}) => ({
  type: "event",
  turn: id,
  phase: "decode",
  offset,
  text,
  ...more,
});
const conversation = (turns, id = "c1") => ({
  type: "conversation",
  conversation: { id, title: "What?" },
  conversations: [{ id, title: "What?" }],
  turns,
});

function asked(...turns) {
  const transcript = new Transcript();
  for (const each of turns) transcript.apply({ type: "asked", ref: 1, turn: each });
  return transcript;
}

test("an answer grows by the suffixes that arrive", () => {
  const transcript = asked(turn(1));
  transcript.apply(event(1, 0, "Blocks"));
  const { changed } = transcript.apply(event(1, 6, " of KV"));
  assert.deepEqual(changed, [1]);
  assert.equal(transcript.turn(1).answer, "Blocks of KV");
});

test("an event that came twice or began anew does not double the text", () => {
  const transcript = asked(turn(1));
  transcript.apply(event(1, 0, "Blocks"));
  transcript.apply(event(1, 0, "Blocks"));
  assert.equal(transcript.turn(1).answer, "Blocks");
  transcript.apply(event(1, 0, "Anew"));
  assert.equal(transcript.turn(1).answer, "Anew");
});

test("a gap asks once for the whole text, and heals with it", () => {
  const transcript = asked(turn(1));
  assert.equal(transcript.apply(event(1, 6, " of")).heal, 1);
  assert.equal(transcript.apply(event(1, 9, " KV")).heal, null);
  assert.equal(transcript.turn(1).answer, "");
  assert.equal(transcript.apply(event(1, 0, "Blocks of KV")).heal, null);
  assert.equal(transcript.turn(1).answer, "Blocks of KV");
  assert.equal(transcript.apply(event(1, 99, "!")).heal, 1);
});

test("offsets count UTF-16 units", () => {
  const transcript = asked(turn(1));
  transcript.apply(event(1, 0, "a\u{1f600}"));
  transcript.apply(event(1, 3, "b"));
  assert.equal(transcript.turn(1).answer, "a\u{1f600}b");
});

test("events of ended and unknown turns change nothing", () => {
  const transcript = asked(turn(1));
  transcript.apply({ type: "turn", turn: turn(1, { state: "answered", answer: "Done." }) });
  assert.deepEqual(transcript.apply(event(1, 0, "late")).changed, []);
  assert.deepEqual(transcript.apply(event(9, 0, "whose?")).changed, []);
  assert.equal(transcript.turn(1).answer, "Done.");
  assert.equal(transcript.openTurn, null);
});

test("the first question of a new conversation makes it appear in the list", () => {
  const transcript = asked(turn(1));
  assert.equal(transcript.conversation.id, "c1");
  assert.deepEqual(transcript.conversations.map(({ id }) => id), ["c1"]);
  assert.equal(transcript.openTurn.id, 1);
});

test("a reconnect keeps the text that streamed until the next event replaces it", () => {
  const transcript = asked(turn(1));
  transcript.apply(event(1, 0, "Blocks"));
  const { isReplaced } = transcript.apply(conversation([turn(1)]));
  assert.equal(isReplaced, false);
  assert.equal(transcript.turn(1).answer, "Blocks");
  assert.equal(transcript.turn(1).live.phase, "decode");
});

test("a fresh page stays empty when the server shows the newest conversation", () => {
  const transcript = asked(turn(1));
  transcript.begin();
  assert.equal(transcript.apply(conversation([turn(1)])).isReplaced, false);
  assert.deepEqual(transcript.turns, []);
  transcript.leave();
  transcript.apply(conversation([turn(1)]));
  assert.equal(transcript.turns.length, 1);
});

test("an answer of the conversation left behind still grows, out of sight", () => {
  const transcript = asked(turn(1));
  transcript.begin();
  transcript.apply({ type: "asked", ref: 2, turn: turn(2, { conversation: "c2" }) });
  transcript.apply(event(1, 0, "Still"));
  assert.deepEqual(transcript.turns.map(({ id }) => id), [2]);
  assert.equal(transcript.turn(1).answer, "Still");
  assert.deepEqual(transcript.conversations.map(({ id }) => id), ["c2", "c1"]);
});

test("a message of an unknown type changes nothing", () => {
  assert.deepEqual(asked(turn(1)).apply({ type: "new-one" }).changed, []);
});
