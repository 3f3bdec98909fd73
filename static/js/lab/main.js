/**
 * The instrument: looks the page's parts up, and wires bytes → pool → pixels.
 */

import { Asking } from "./asking.js";
import { CacheView } from "./cache_view.js";
import { StripChart } from "./charts.js";
import { ClassRun } from "./class_run.js";
import { Demos } from "./demos.js";
import { Engines } from "./engines.js";
import { Experiments } from "./experiments.js";
import { GroupSwitch } from "./groups.js";
import { Grid } from "./grid.js";
import { Handle } from "./handle.js";
import { Header } from "./header.js";
import { Heat } from "./heat.js";
import { HeatView } from "./heat_view.js";
import { Hosts } from "./hosts.js";
import { Instrument } from "./instrument.js";
import { listenForKeys } from "./keys.js";
import { Legend } from "./legend.js";
import { MemoryPanel } from "./memory.js";
import { cacheParts, heatParts, timelineParts, whyParts } from "./parts.js";
import { Reasons } from "./reasons.js";
import { fetchJson } from "./recorded_reasons.js";
import { LabSocket, socketUrl } from "./socket.js";
import { Source } from "./source.js";
import { Stage } from "./stage.js";
import { RequestTable } from "./table.js";
import { Tabs } from "./tabs.js";
import { TextView } from "./text_view.js";
import { TimeControls } from "./time.js";
import { LiveTimeline } from "./timeline/live.js";
import { TimelineView } from "./timeline/view.js";
import { Tour } from "./tour.js";
import { Waterfall } from "./waterfall.js";
import { Why } from "./why.js";

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
    hosts: { box: byId("lab-hosts"), gone: byId("lab-hosts-gone") },
    asking: { block: byId("lab-ask-block"), request: byId("lab-ask-request") },
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
      words: byId("lab-demo-words"), table: byId("lab-demo-table"),
    },
    table: {
      body: byId("lab-requests"), note: byId("lab-requests-note"),
      block: byId("lab-block-table"), title: byId("lab-block-table-title"),
      line: byId("lab-block-table-line"), words: byId("lab-block-words"),
    },
    cache: cacheParts(""),
    why: whyParts("lab-"),
    heat: heatParts("lab-", byId("lab-legend")),
    timeline: timelineParts(byId("view-timeline")),
    memory: {
      words: byId("memory-words"), bar: byId("memory-bar"), table: byId("memory-table"),
      rows: byId("memory-rows"), note: byId("memory-note"),
      cards: byId("memory-cards"), cardsWords: byId("memory-cards-words"),
      cardRows: byId("memory-card-rows"),
    },
    textView: {
      pool: byId("text-view-pool"), requests: byId("text-view-requests"), list: byId("text-view-list"),
      log: byId("text-view-log"), minute: byId("text-view-minute"),
    },
    tour: {
      box: byId("lab-tour"), words: byId("lab-tour-words"), place: byId("lab-tour-place"),
      next: byId("lab-tour-next"), end: byId("lab-tour-end"), again: byId("lab-tour-again"),
    },
    experiments: byId("experiment") && {
      card: byId("experiment"), form: byId("experiment-form"), run: byId("experiment-run"),
      stop: byId("experiment-stop"), link: byId("experiment-link"),
      state: byId("experiment-state"), results: byId("experiment-results"),
      recorded: byId("experiment-recorded"), runAll: byId("experiment-run-all"),
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

/**
 * The views by what they are for.
 * @param {object} on  what to call: `gap` when frames are missing, `resize`, `marks`
 *   and `time` when something else is to be drawn, `command` and `source` with a choice
 */
function viewsOf(parts, palette, on) {
  const stage = new Stage(on.gap);
  const asking = new Asking(parts.asking, (name, detail) => {
    document.dispatchEvent(new CustomEvent(name, { detail }));
  });
  // A recording's reasons are not asked of an engine.
  const ask = (command) => stage.mode === "live" && on.command(command);
  const why = new Why(parts.why, (shortId) => ask({ type: "why", short_id: String(shortId) }));
  const grid = new Grid(parts.grid, palette, on.resize, {
    mark: (blockId) => asking.mark(blockId),
    ask: () => asking.askAboutBlock(),
    textOf: (...of) => why.textOf(...of),
  });
  const table = new RequestTable(parts.table, {
    choose: on.marks,
    point: (blockId) => grid.point(blockId),
    textOf: (...of) => why.textOf(...of),
  });
  const cache = new CacheView(parts.cache, {
    ask: () => ask({ type: "cache" }),
    point: (blockId) => grid.point(blockId),
  });
  const heat = new HeatView(parts.heat, new Heat(), {
    ask: (since) => ask({ type: "heat", since: String(since) }),
    change: on.resize,
  });
  const timeline = new LiveTimeline(parts.timeline, new TimelineView(parts.timeline), {
    ask: () => on.command({ type: "timeline" }), fetch: fetchJson,
  });
  return {
    stage,
    grid,
    asking,
    why,
    cache,
    heat,
    timeline,
    reasons: new Reasons({ stage, table, why, cache, heat, timeline }),
    engines: new Engines(),
    charts: stripCharts(),
    figures: parts.figures,
    header: new Header(parts.header),
    handle: new Handle(parts.handle),
    memory: new MemoryPanel(parts.memory),
    textView: new TextView(parts.textView),
    tabs: new Tabs(byId("lab-tabs")),
    legend: new Legend(byId("lab-legend"), on.marks),
    table,
    groups: new GroupSwitch(byId("lab-groups"), on.marks),
    time: new TimeControls(parts.time, stage, on.time),
    demos: new Demos(parts.demos, on.command),
    experiments: parts.experiments && new Experiments(parts.experiments, on.command),
    classRun: byId("class-run") && new ClassRun(byId("class-run")),
    waterfall: byId("second-start") && new Waterfall(byId("second-start")),
    hosts: parts.hosts.box && new Hosts(parts.hosts, on.source),
    source: new Source(
      byId("lab-source-label"), byId("lab-source"), root.dataset.recordingsUrl, on.source,
    ),
  };
}

/** On the lab's own page: for who stands in front of a class. */
function offerKeys({ pause, back, forth }, instrument) {
  listenForKeys(document, {
    pause, back, forth,
    live: () => instrument.show({ kind: "live", id: "" }),
    host: (index) => byId("lab-hosts").children[index]?.click(),
    projector: () => document.querySelector(".lab-projector a").click(),
  });
  const play = byId("experiment-play");
  play?.addEventListener("click", () => instrument.show({ kind: "recording", id: play.dataset.recording }));
}

function start() {
  const parts = partsOfPage();
  const instrument = new Instrument(
    root,
    (palette, on) => viewsOf(parts, palette, on),
    (on) => new LabSocket(socketUrl("/ws/lab/"), on),
  );
  new Tour(document, parts.tour);
  if (parts.experiments) offerKeys(parts.time, instrument);
}

if (root) start();
