import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { followSection } from "../../static/js/mentor/suggestions.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A page with a section in view; `look` tells it that an element has changed. */
function page() {
  const watched = [];
  const state = { section: "bytes", asked: [], answers: (section) => [`What of ${section}?`] };
  const box = {
    hidden: false,
    dataset: { url: "/suggestions/" },
    texts: [],
    contains: () => false,
    replaceChildren: (...buttons) => (box.texts = buttons.map(({ textContent }) => textContent)),
  };
  const contents = {};
  Object.assign(globalThis, {
    document: {
      querySelector: () => ({ hash: `#${state.section}` }),
      createElement: () => ({}),
      activeElement: null,
    },
    fetch: async (url) => {
      const section = url.split("=")[1];
      state.asked.push(section);
      return { ok: true, json: async () => ({ questions: state.answers(section) }) };
    },
    MutationObserver: class {
      constructor(tell) {
        this.tell = tell;
      }
      observe(element, { attributeFilter }) {
        watched.push([element, attributeFilter[0], this.tell]);
      }
    },
  });
  followSection(box, contents);
  const change = async (element, attribute) => {
    for (const [one, name, tell] of watched) {
      if (one === element && name === attribute) tell();
    }
    mock.timers.tick(1_000);
    await settle();
  };
  const read = (section) => {
    state.section = section;
    return change(contents, "aria-current");
  };
  const hide = (isHidden) => {
    box.hidden = isHidden;
    return change(box, "hidden");
  };
  return { box, state, read, hide };
}

test.beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
test.afterEach(() => mock.timers.reset());

test("the questions to begin with are those of the section in view", async () => {
  const { box, state, read } = page();
  await read("bytes");
  assert.deepEqual(box.texts, ["What of bytes?"]);
  await read("bytes");
  assert.deepEqual(state.asked, ["bytes"], "asked once for a section");
  state.answers = () => [];
  await read("opening");
  assert.deepEqual(box.texts, ["What of bytes?"], "a section without any keeps the last");
});

test("a new conversation begins with those of the section that was read meanwhile", async () => {
  const { box, state, read, hide } = page();
  await read("bytes");
  await hide(true);
  await read("pages");
  assert.deepEqual(state.asked, ["bytes"], "nobody would see them");
  await hide(false);
  assert.deepEqual(box.texts, ["What of pages?"]);
});

test("what could not be fetched is asked for again", async () => {
  const { box, state, read } = page();
  state.answers = () => {
    throw new Error("offline");
  };
  await read("bytes");
  state.answers = (section) => [`What of ${section}?`];
  await read("bytes");
  assert.deepEqual(box.texts, ["What of bytes?"]);
});
