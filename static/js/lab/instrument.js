/**
 * Instrument: what happens when something arrives, and what one animation frame does.
 *
 * One animation frame is pending at most. It takes in the frames that have come and
 * paints the blocks that changed.
 */

import { Followed } from "./followed.js";
import { isOverview } from "./hosts.js";
import { Measures } from "./measures.js";
import { onThemeChange, readPalette } from "./palette.js";
import { Playing } from "./playing.js";
import { Readouts } from "./readouts.js";
import { Yours } from "./yours.js";

const ASK_EVERY_MS = 2_000;
const NOBODY = new Map();

export class Instrument {
  #root;
  #views;
  #readouts;
  #socket;
  #yours = new Yours();
  /** Shown to a class: nobody's requests stand out. */
  #isPublic;
  #isPending = false;
  /** Whether messages may have been missed: the connection, or Redis, was away. */
  #wasAway = false;
  #measures = new Measures();
  #askedAt = -Infinity;
  #playing;
  #followed;
  /** Of the frame painted last. */
  #paintedHost = null;

  /**
   * @param {(palette: object, on: object) => object} makeViews  the parts of the page,
   *   which tell what a learner does in them; see main.js
   * @param {(on: object) => import("./socket.js").LabSocket} openSocket
   */
  constructor(root, makeViews, openSocket) {
    this.#root = root;
    this.#isPublic = root.closest("[data-projector]") !== null;
    const palette = readPalette(root);
    this.#views = makeViews(palette, {
      gap: () => this.#askKeyframe(),
      resize: () => this.#paintWhole(),
      marks: () => this.#applyMarks(),
      time: () => this.#showMoment(),
      command: (command) => this.#socket.send(command),
      source: (choice) => this.show(choice),
    });
    this.#followed = new Followed(this.#views.engines, this.#views.stage, (status) => {
      document.dispatchEvent(new CustomEvent("servelab:engine", { detail: status }));
      this.#playing.note();
    });
    this.#playing = new Playing(this.#views, {
      draw: () => this.#schedule(),
      follow: (id) => this.#socket.send({ type: "follow", engine_host_id: id }),
      isReady: () => this.#followed.status?.state === "ready",
      refuse: (sentence) => this.#views.demos.refuse(sentence),
    });
    this.#readouts = new Readouts(this.#views, palette, {
      recording: () => this.#playing.recording,
      yours: () => this.#shownYours,
      status: () => this.#followed.status,
    });
    this.#readouts.isPublic = this.#isPublic;
    this.#watchPage();
    this.#socket = openSocket({
      frame: (bytes) => this.#takeFrame(bytes),
      message: (message) => this.#takeMessage(message),
      state: (state, numFailed) => this.#takeState(state, numFailed),
    });
  }

  #watchPage() {
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const setMotion = () => this.#views.grid.allowMotion(!still.matches);
    still.addEventListener("change", setMotion);
    setMotion();
    onThemeChange(() => this.#recolour());
    document.addEventListener("servelab:yours", ({ detail }) => this.#markYours(detail));
    document.addEventListener("servelab:focus-request", ({ detail }) => {
      this.#views.table.choose(detail.shortId);
    });
    document.addEventListener("visibilitychange", () => this.#schedule());
  }

  /** A frame is missing: ask for the chain again, not too often. */
  #askKeyframe() {
    const now = performance.now();
    if (now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    this.#socket.send({ type: "resync" });
  }

  // What arrives

  #takeFrame(bytes) {
    const { hosts } = this.#views;
    if (hosts && isOverview(bytes)) {
      hosts.take(bytes);
      return;
    }
    this.#readouts.noteArrival();
    this.#views.stage.receive(bytes);
    if (document.hidden) this.#views.stage.advance(performance.now());
    else this.#schedule();
  }

  #takeMessage(message) {
    const { engines, demos, experiments } = this.#views;
    switch (message.type) {
      case "hello":
        engines.greet(message, Date.now());
        if (this.#wasAway) this.#views.classRun?.catchUp();
        this.#wasAway = engines.trouble !== null;
        this.#followed.note();
        break;
      case "engine.status":
        if (engines.note(message, Date.now())) this.#yours.forget(message.engine_host_id);
        this.#views.waterfall?.note(message);
        this.#followed.note();
        break;
      case "memory.sample":
        engines.noteMemory(message);
        break;
      case "why":
      case "cache":
      case "timeline":
        this.#views[message.type].take(message);
        break;
      case "heat":
        if (this.#views.stage.mode === "live") this.#views.heat.take(message);
        break;
      case "request.event":
        this.#takeOwnRequest(message);
        break;
      case "demo.begin":
        demos.begin(message, this.#views.stage.live.counters);
        break;
      case "demo.end":
        demos.end(message);
        break;
      case "class.run":
        if (message.run_id !== experiments?.runId) this.#views.classRun?.take(message);
        break;
      case "experiment.begin":
      case "experiment.progress":
      case "experiment.end":
        experiments?.[message.type.split(".")[1]](message);
        break;
      case "error":
        if (!experiments?.refuse(message.sentence)) demos.refuse(message.sentence);
        break;
    }
  }

  #takeState(state, numFailed) {
    if (state === "open") {
      this.#readouts.connection = "";
      if (this.#views.hosts) this.#socket.send({ type: "overview" });
      return;
    }
    if (state === "refused") {
      this.#readouts.connection = "not connected: please reload the page";
      return;
    }
    this.#readouts.connection = numFailed > 3 ? "no connection, trying again" : "connecting";
    this.#wasAway = true;
    this.#views.demos.lose();
    this.#views.experiments?.lose();
  }

  #takeOwnRequest({ request_id, engine_host_id, short_id, phase }) {
    const isOpen = phase !== "finished";
    this.#views.demos.track(request_id, isOpen);
    if (short_id === null) return;
    const { demos, experiments } = this.#views;
    const detail = {
      engineHostId: engine_host_id,
      shortId: short_id,
      label: demos.running ? demos.label(demos.running) : experiments?.isRunning ? experiments.title : "",
      state: isOpen ? "add" : "remove",
    };
    document.dispatchEvent(new CustomEvent("servelab:yours", { detail }));
  }

  #markYours({ engineHostId, shortId, label, state }) {
    const { stage } = this.#views;
    this.#views.why.heard(engineHostId, shortId);
    if (state !== "remove") {
      this.#yours.add(engineHostId, shortId, label);
      const isElsewhere = stage.live.engineHostId !== engineHostId;
      // Where all hosts are shown, it is the learner who chooses one.
      if (isElsewhere && stage.mode !== "recorded" && !this.#views.hosts) {
        this.#socket.send({ type: "follow", engine_host_id: engineHostId });
      }
    }
    stage.live.dirtyRequest(shortId);
    this.#schedule();
  }

  // One animation frame

  /** Ask for an animation frame, if none is pending. */
  #schedule() {
    if (this.#isPending) return;
    this.#isPending = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  /** Paint every block (another size). */
  #paintWhole() {
    this.#views.stage.hasSwitched = true;
    this.#schedule();
  }

  #frame(now) {
    this.#isPending = false;
    this.#measures.markPixels(this.#views.stage.pool.stampMs);
    const startedAt = performance.now();
    const { stage, grid, demos, textView } = this.#views;
    const hasChanged = stage.advance(now);
    const { pool } = stage;
    if (hasChanged && stage.live.engineHostId !== this.#paintedHost) {
      this.#paintedHost = stage.live.engineHostId;
      this.#followed.note();
    }
    if (hasChanged) textView.note(pool, this.#shownYours);
    if (stage.mode !== "recorded") demos.watch(stage.live.counters);
    this.#markBlocks();
    grid.shade(this.#views.heat.shown);
    const isWhole = stage.hasSwitched;
    stage.hasSwitched = false;
    const isMoving = grid.draw(pool, isWhole, now);
    if (hasChanged) this.#measures.painted(startedAt);
    const isPlaying = stage.mode === "recorded" && !stage.isPaused;
    if (isMoving || isPlaying || hasChanged) this.#schedule();
  }

  /** Which blocks carry a ring, and which stay bright. */
  #markBlocks() {
    const { stage, grid, table, asking } = this.#views;
    asking.see(stage.mode === "recorded" ? null : stage.pool.engineHostId, table.chosen);
    const chosen = stage.pool.requests.get(table.chosen);
    grid.mark(this.#shownYours.keys(), chosen ? stage.pool.blocksOf(chosen) : null);
  }

  /** The filter or the chosen request changed. */
  #applyMarks() {
    this.#views.grid.keepBright(this.#views.legend.filter);
    this.#views.grid.keepGroup(this.#views.groups.chosen);
    this.#views.table.group = this.#views.groups.chosen;
    this.#readouts.hurry();
    this.#paintWhole();
  }

  /** Time was stopped or moved: words and blocks of that moment, not of the last beat. */
  #showMoment() {
    this.#readouts.update();
    this.#schedule();
  }

  get #shownYours() {
    const { stage } = this.#views;
    if (this.#isPublic) return NOBODY;
    return this.#yours.of(stage.mode === "recorded" ? null : stage.pool.engineHostId);
  }

  /** What the page's keys and other controls ask for. */
  show(choice) {
    this.#playing.show(choice);
    this.#followed.note();
  }

  #recolour() {
    const palette = readPalette(this.#root);
    this.#views.grid.recolour(palette);
    this.#readouts.palette = palette;
    this.#readouts.hurry();
    this.#paintWhole();
  }
}
