// The chapter's own life: terms, experiments, progress and the figures in the text.

import { BreakEven } from "./break_even.js";
import { openClaims } from "./claims.js";
import { addCopyButtons } from "./copy.js";
import { listenForExperiments } from "./experiments.js";
import { OwnStart } from "./own_start.js";
import { ReadingProgress } from "./progress.js";
import { Stepper } from "./stepper.js";
import { StepSharing } from "./step_sharing.js";
import { openTerms } from "./terms.js";

const figures = {
  "paged-or-contiguous": Stepper,
  "break-even": BreakEven,
  "own-start": OwnStart,
  "step-sharing": StepSharing,
};

for (const root of document.querySelectorAll("[data-figure]")) {
  const Figure = figures[root.dataset.figure];
  if (Figure) new Figure(root);
}
openTerms(document);
openClaims(document);
addCopyButtons(document);
listenForExperiments(document);
const form = document.getElementById("read-form");
if (form) new ReadingProgress(form);
