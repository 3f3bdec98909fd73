/**
 * The instrument: looks the page's parts up, and wires bytes → pool → pixels.
 */

import { StripChart } from "./charts.js";
import { Demos } from "./demos.js";
import { Engines } from "./engines.js";
import { Grid } from "./grid.js";
import { Handle } from "./handle.js";
import { Header } from "./header.js";
import { Instrument } from "./instrument.js";
import { Legend } from "./legend.js";
import { MemoryPanel } from "./memory.js";
import { readPalette } from "./palette.js";
import { LabSocket, socketUrl } from "./socket.js";
import { Source } from "./source.js";
import { Stage } from "./stage.js";
import { RequestTable } from "./table.js";
import { Tabs } from "./tabs.js";
import { TimeControls } from "./time.js";
import { Tour } from "./tour.js";
import { Twin } from "./twin.js";

const byId = (id) => document.getElementById(id);
const root = byId("lab");

/** Everything that is found in the page, by what it is for. */
function partsOfPage() {
  return {
    grid: {
      box: byId("lab-grid"), pan: byId("lab-pan"), canvas: byId("lab-canvas"),
      cursor: byId("lab-cursor"), tag: byId("lab-tag"), empty: byId("lab-empty"),
      zoomIn: byId("lab-zoom-in"), zoomOut: byId("lab-zoom-out"),
    },
    header: {
      state: byId("lab-state"), engine: byId("lab-engine"), note: byId("lab-note"),
      recorded: byId("lab-recorded"), phases: byId("lab-phases"),
      handleState: byId("lab-handle-state"),
    },
    handle: {
      panel: byId("instrument") ?? root.parentElement, toggle: byId("lab-handle-toggle"),
      blocks: byId("lab-handle-blocks"), rate: byId("lab-handle-rate"),
      yours: byId("lab-handle-yours"),
    },
    time: {
      pause: byId("lab-pause"), back: byId("lab-back"), forth: byId("lab-forth"),
      slider: byId("lab-slider"), when: byId("lab-when"),
    },
    demos: {
      buttons: [...root.querySelectorAll("[data-demo]")], stop: byId("lab-stop"),
      words: byId("lab-demo-words"),
    },
    table: {
      body: byId("lab-requests"), note: byId("lab-requests-note"),
      block: byId("lab-block-table"), title: byId("lab-block-table-title"),
      line: byId("lab-block-table-line"),
    },
    memory: {
      words: byId("memory-words"), bar: byId("memory-bar"), table: byId("memory-table"),
      rows: byId("memory-rows"), note: byId("memory-note"),
    },
    twin: {
      pool: byId("twin-pool"), requests: byId("twin-requests"), list: byId("twin-list"),
      log: byId("twin-log"), minute: byId("twin-minute"),
    },
    tour: {
      box: byId("lab-tour"), words: byId("lab-tour-words"), place: byId("lab-tour-place"),
      next: byId("lab-tour-next"), end: byId("lab-tour-end"), again: byId("lab-tour-again"),
    },
    figures: {
      usage: byId("strip-usage-now"), running: byId("strip-running-now"),
      waiting: byId("strip-waiting-now"), rate: byId("strip-rate-now"),
    },
  };
}

/** The three strip charts of the last minute. */
function stripCharts() {
  return [
    new StripChart(
      byId("strip-usage"),
      [{ value: (sample) => 100 * sample.usage, role: "used", isFilled: true }],
      { leastTop: 100, unit: (top) => `${top} %` },
    ),
    new StripChart(
      byId("strip-requests"),
      [
        { value: (sample) => sample.running, role: "ink" },
        { value: (sample) => sample.waiting, role: "warning", dash: [2, 2] },
      ],
      { leastTop: 4, unit: (top) => String(top) },
    ),
    new StripChart(
      byId("strip-rate"),
      [{ value: (sample) => sample.rate, role: "link", isFilled: true }],
      { leastTop: 50, unit: (top) => String(top) },
    ),
  ];
}

function start() {
  const parts = partsOfPage();
  let instrument = null;
  const askKeyframe = () => instrument.askKeyframe();
  const stage = new Stage(askKeyframe);
  const views = {
    stage,
    engines: new Engines(),
    palette: readPalette(root),
    charts: stripCharts(),
    figures: parts.figures,
    header: new Header(parts.header),
    handle: new Handle(parts.handle),
    memory: new MemoryPanel(parts.memory),
    twin: new Twin(parts.twin),
    tabs: new Tabs(byId("lab-tabs")),
  };
  views.grid = new Grid(parts.grid, views.palette, () => instrument?.paintWhole());
  views.legend = new Legend(byId("lab-legend"), () => instrument.applyMarks());
  views.table = new RequestTable(parts.table, {
    choose: () => instrument.applyMarks(),
    point: (blockId) => views.grid.point(blockId),
  });
  views.time = new TimeControls(parts.time, stage, () => instrument.schedule());
  views.demos = new Demos(parts.demos, (command) => instrument.send(command));
  views.source = new Source(
    byId("lab-source-label"), byId("lab-source"), root.dataset.recordingsUrl,
    (choice) => instrument.show(choice),
  );
  instrument = new Instrument(root, views);
  instrument.connect(
    (on) => new LabSocket(socketUrl("/ws/lab/"), on),
  );
  document.addEventListener("servelab:focus-request", ({ detail }) => {
    views.table.choose(detail.shortId);
  });
  new Tour(document, parts.tour);
}

if (root) start();
