import assert from "node:assert/strict";
import { test } from "node:test";

import { isSendKey } from "../../static/js/mentor/composer.js";
import { bounded } from "../../static/js/mentor/place.js";
import { Transcript } from "../../static/js/mentor/transcript.js";
import {
  checkSentence,
  copyText,
  courseText,
  endSentence,
  measuredText,
  offersLabel,
  quietSentence,
  stateSentence,
} from "../../static/js/mentor/words.js";

const course = (kind, more = {}) => ({
  kind,
  words: "",
  sentences: [],
  offers: [],
  html: "<p></p>",
  ...more,
});
const turn = (id, more = {}) => ({
  id,
  conversation: "c1",
  title: "What?",
  question: "What?",
  state: "open",
  answer: "",
  error: "",
  course: null,
  ...more,
});

test("what the course says comes to its turn, and stays when events follow", () => {
  const transcript = new Transcript();
  transcript.apply({ type: "asked", ref: 1, turn: turn(1), replaces: null });
  const said = { type: "course", turn: 1, ...course("answer") };
  assert.deepEqual(transcript.apply(said).changed, [1]);
  transcript.apply({ type: "event", turn: 1, offset: 0, text: "Blocks" });
  transcript.apply({ type: "asked", ref: 2, turn: turn(1), replaces: null });
  assert.equal(transcript.turn(1).course.kind, "answer");
  assert.equal(transcript.turns.length, 1, "asked twice, it is shown once");
});

test("a question that takes the place of another takes all that followed it along", () => {
  const transcript = new Transcript();
  for (const id of [1, 2, 3]) {
    transcript.apply({ type: "asked", ref: id, turn: turn(id), replaces: null });
  }
  const { isReplaced } = transcript.apply({ type: "asked", ref: 4, turn: turn(4), replaces: 2 });
  assert.equal(isReplaced, true);
  assert.deepEqual(transcript.turns.map(({ id }) => id), [1, 4]);
});

test("Enter sends, and not when it ends a word of an input method, in Safari either", () => {
  const enter = { key: "Enter", shiftKey: false, isComposing: false, keyCode: 13 };
  assert.equal(isSendKey(enter), true);
  assert.equal(isSendKey({ ...enter, shiftKey: true }), false);
  assert.equal(isSendKey({ ...enter, isComposing: true }), false);
  assert.equal(isSendKey({ ...enter, keyCode: 229 }), false);
});

test("selected text is one line of at most 1,000 characters, cut between characters", () => {
  assert.equal(bounded("  one\n\ttwo "), "one two");
  assert.equal(bounded("a".repeat(2_000)).length, 1_000);
  assert.equal(bounded("a".repeat(999) + "\u{1f600}b").length, 999);
});

test("the engine's words are labelled by how far they were checked", () => {
  assert.match(checkSentence(turn(1)), /not checked yet/);
  const ended = { state: "answered", answer: "A. B. C." };
  assert.equal(checkSentence(turn(1, ended)), "not checked");
  const some = turn(1, { ...ended, num_supported: 2, num_sentences: 3 });
  assert.match(checkSentence(some), /2 of 3.sentences as the course says/);
  assert.match(endSentence(some), /^The engine’s words are complete\. checked: 2 of 3/);
  const all = turn(1, { ...ended, num_supported: 3, num_sentences: 3 });
  assert.equal(checkSentence(all), "checked: the course says so too");
});

test("where no engine is asked the page says why no block lights up", () => {
  assert.equal(quietSentence(turn(1, { course: course("answer") })), "");
  const offer = turn(1, { course: course("offer") });
  assert.match(quietSentence(offer), /no block lights up: the course has several/);
  for (const kind of ["decline", "near"]) {
    const declined = turn(1, { course: course(kind) });
    assert.match(quietSentence(declined), /no block lights up: the course does not/);
  }
  const talk = turn(1, { course: course("talk") });
  assert.equal(quietSentence(talk), "The engine was not asked, so no block lights up.");
});

test("questions to choose from say whether they answer what was asked", () => {
  assert.equal(offersLabel("offer"), "Did you mean");
  assert.equal(offersLabel("near"), "What it does say");
});

test("before the course has spoken the state says that it is looked up", () => {
  assert.equal(stateSentence(turn(1), null, 0), "Looking it up in the course");
});

test("both voices are copied by name", () => {
  const both = turn(1, {
    state: "answered",
    answer: "B.",
    num_supported: 1,
    num_sentences: 1,
    course: course("answer", { sentences: [{ text: "A." }], offers: [{ question: "C?" }] }),
  });
  assert.equal(courseText(both), "A. C?");
  const copied = copyText(both, "B.");
  assert.match(copied, /From the course: A\. C\?\n\nIn the engine’s words \(checked.*\): B\./);
});

test("a conversation that another tab left as it was is not drawn anew", () => {
  const transcript = new Transcript();
  const conversation = { id: "c1", title: "What?" };
  const message = (...ids) => ({
    type: "conversation",
    conversation,
    conversations: [conversation],
    turns: ids.map((id) => turn(id, { state: "answered" })),
  });
  assert.equal(transcript.apply(message(1, 2)).isReplaced, true);
  assert.equal(transcript.apply(message(1, 2)).isReplaced, false);
  assert.equal(transcript.apply(message(1, 3)).isReplaced, true);
});

test("what is measured is named so, with its step, and says why no block lights up", () => {
  const measured = {
    sentences: ["15 blocks of 363 are free."],
    mark: "measured at step 1,900 on host a",
    is_seen: true,
  };
  const shown = turn(1, { state: "answered", course: course("measured", { measured }) });
  assert.equal(measuredText(turn(1)), "");
  assert.equal(
    measuredText(shown),
    "15 blocks of 363 are free. (measured at step 1,900 on host a)",
  );
  assert.match(quietSentence(shown), /measured, not generated/);
  assert.equal(
    copyText(shown, ""),
    "What?\n\nSeen in the lab: 15 blocks of 363 are free. (measured at step 1,900 on host a)",
  );
  const unseen = { ...measured, is_seen: false };
  const without = turn(1, { course: course("measured", { measured: unseen }) });
  assert.equal(quietSentence(without), "");
});
