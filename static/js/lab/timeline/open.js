/**
 * A recording's timeline, fetched when its part of the page is opened.
 */

import { ask } from "../../answers.js";
import { timelineParts } from "../parts.js";
import { Timeline } from "./model.js";
import { TimelineView } from "./view.js";


/** @param {HTMLDetailsElement} details  with data-url, and the parts by data-timeline */
export function openOnDemand(details) {
  const { words } = timelineParts(details);
  details.addEventListener("toggle", async () => {
    if (!details.open || details.dataset.state) return;
    details.dataset.state = "loading";
    words.textContent = "Loading the steps.";
    try {
      const answer = await ask(details.dataset.url);
      const timeline = new Timeline(await answer.json());
      if (timeline.numSteps === 0) throw new Error("No step is in this recording.");
      new TimelineView(timelineParts(details)).show(timeline);
      details.dataset.state = "ready";
    } catch (error) {
      details.dataset.state = "";
      words.textContent = error.message;
    }
  });
}
