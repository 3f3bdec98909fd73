// The chapter's own life: terms, experiments, progress and the figures in the text.

import { openClaims } from "./claims.js";
import { addCopyButtons } from "./copy.js";
import { listenForExperiments } from "./experiments.js";
import { isChanged, loadScript, whenNear } from "./near.js";
import { OwnStart } from "./own_start.js";
import { ReadingProgress } from "./progress.js";
import { openTerms } from "./terms.js";

const figures = {
  "paged-or-contiguous": async () => (await import("./stepper.js")).Stepper,
  "break-even": async () => (await import("./break_even.js")).BreakEven,
  "step-sharing": async () => (await import("./step_sharing.js")).StepSharing,
};

for (const root of document.querySelectorAll("[data-figure]")) {
  const load = figures[root.dataset.figure];
  if (load) whenNear([root], async () => new (await load())(root));
}
// This one hears from the start what the engine tells.
for (const root of document.querySelectorAll('[data-figure="own-start"]')) new OwnStart(root);

// Forms, and the quiz, ask for parts of pages; without htmx for whole ones.
const { htmx } = document.querySelector(".chapter").dataset;
whenNear(document.querySelectorAll("[hx-get]"), async () => {
  await loadScript(htmx);
  await new Promise((done) => setTimeout(done)); // it begins in a task of its own
  // What was chosen before it came is asked for now.
  for (const form of document.querySelectorAll("form[hx-get]")) {
    if (isChanged(form)) form.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

openTerms(document);
openClaims(document);
addCopyButtons(document);
listenForExperiments(document);
const form = document.getElementById("read-form");
if (form) new ReadingProgress(form);
