/** Finds the panel's elements and puts the parts together. */

import { Connection } from "./connection.js";
import { Panel } from "./panel.js";
import { Transcript } from "./transcript.js";

const byId = (name) => document.getElementById(`mentor-${name}`);

function start() {
  const app = byId("app");
  if (!app) return;
  const parts = {
    log: byId("log"),
    form: byId("form"),
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
    random: byId("random"),
    turnTemplate: byId("turn"),
  };
  const panel = new Panel(parts, new Transcript());
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const connection = new Connection(`${scheme}//${location.host}/ws/mentor/`, {
    onopen: () => panel.opened(),
    onmessage: (message) => panel.receive(message),
    onstate: (state) => panel.connectionState(state),
  });
  document.addEventListener("servelab:engine", ({ detail }) => panel.engineState(detail));
  window.addEventListener("online", () => connection.connect());
  app.hidden = false;
  panel.start(connection);
}

start();
