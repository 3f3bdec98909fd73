/** Finds the panel's elements and puts the parts together. */

import { onWake } from "../heartbeat.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Panel } from "./panel.js";
import { Renaming } from "./renaming.js";
import { SelectedText } from "./place.js";
import { followSection } from "./suggestions.js";
import { Together } from "./together.js";
import { Transcript } from "./transcript.js";

const byId = (name) => document.getElementById(`mentor-${name}`);

const WHY = "Why was my answer right or wrong?";

/** A quiz on the page asks at once; one on a page of its own leads here. */
function askAboutAnswers(field, composer, panel) {
  document.addEventListener("servelab:why", (event) => {
    event.preventDefault();
    panel.ask(WHY, { quiz_answer: event.detail.answer, selected: "", replaces: null });
  });
  const answer = Number(new URLSearchParams(location.search).get("why"));
  if (!Number.isInteger(answer) || answer <= 0) return;
  field.value = WHY;
  composer.about(answer);
}

function start() {
  const app = byId("app");
  if (!app) return;
  const parts = {
    log: byId("log"),
    question: byId("question"),
    refusal: byId("refusal"),
    stop: byId("stop"),
    examples: byId("examples"),
    tools: byId("tools"),
    fresh: byId("new"),
    remove: byId("delete"),
    conversations: byId("conversations"),
    connection: byId("connection"),
    announcer: byId("announcer"),
    exported: byId("export"),
    random: byId("random"),
    rent: { box: byId("rent"), select: byId("card") },
    turnTemplate: byId("turn"),
  };
  const composer = new Composer(
    {
      form: byId("form"),
      question: byId("question"),
      levels: byId("levels"),
      selected: byId("selected"),
      selectedWords: byId("selected-words"),
      explain: byId("explain"),
      unselect: byId("unselect"),
      editing: byId("editing"),
      unedit: byId("unedit"),
    },
    { onask: (question) => panel.ask(question), onlevel: (level) => panel.chooseLevel(level) },
  );
  const instrument = document.getElementById("instrument");
  const core = instrument.querySelector(".lab-core");
  const together = new Together(instrument, core, document.getElementById("mentor"));
  const panel = new Panel(parts, new Transcript(), composer, together);
  const renaming = {
    open: byId("rename"),
    form: byId("rename-form"),
    title: byId("new-title"),
    cancel: byId("rename-cancel"),
    tools: byId("tools"),
  };
  parts.renaming = new Renaming(renaming, {
    onrename: (id, title) => panel.rename(id, title),
  });
  const chapter = document.querySelector(".chapter");
  if (chapter) new SelectedText(chapter, {
    onselect: (text) => composer.select(text),
    onexplain: (text) => {
      composer.select(text);
      panel.ask("Explain this");
    },
  });
  followSection(parts.examples, document.querySelector(".contents"));
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const connection = new Connection(`${scheme}//${location.host}/ws/mentor/`, {
    onopen: () => panel.opened(),
    onmessage: (message) => panel.receive(message),
    onstate: (state) => panel.connectionState(state),
  });
  document.addEventListener("servelab:engine", ({ detail }) => panel.engineState(detail));
  document.addEventListener("servelab:looking", ({ detail }) => composer.see(detail));
  document.addEventListener("servelab:ask", ({ detail }) => panel.ask(detail.question));
  onWake(() => connection.wake());
  askAboutAnswers(parts.question, composer, panel);
  app.hidden = false;
  panel.start(connection);
}

start();
