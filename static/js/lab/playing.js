/**
 * Playing: whether the engine or a recording is shown. What the learner chose is kept;
 * where no engine is to be had, the first recording plays.
 */

const RECORDED_AFTER_MS = 4_000;

export class Playing {
  /** The recording that plays, as the menu has it; null: none. @type {object|null} */
  recording = null;

  #views;
  #on;
  #hasChosen = false;
  #isLoading = false;
  /** @type {Promise|null|undefined} undefined: never asked for; null: not to be had */
  #menu;

  /**
   * @param {object} views  see main.js
   * @param {{draw: () => void, follow: (engineHostId: string) => void,
   *   isReady: () => boolean, refuse: (sentence: string) => void}} on
   */
  constructor(views, on) {
    this.#views = views;
    this.#on = on;
    setTimeout(() => this.playIfHopeless(), RECORDED_AFTER_MS);
  }

  /** A choice of the menu. */
  show({ kind, id }) {
    this.#hasChosen = true;
    if (kind === "recording") {
      this.#play(id);
      return;
    }
    this.#showLive();
    this.#hasChosen = this.#on.isReady() || Boolean(id);
    if (id) {
      this.#views.engines.chosen = id;
      this.#on.follow(id);
    }
  }

  /** An engine's status is another. */
  note() {
    const { engines, stage } = this.#views;
    const isComing = engines.all.length > 0 && !engines.isHopeless;
    if (isComing && stage.mode === "recorded" && !this.#hasChosen) this.#showLive();
    if (this.#on.isReady() && this.#menu === undefined) this.#loadMenu();
    this.playIfHopeless();
  }

  #showLive() {
    this.recording = null;
    this.#views.stage.showLive();
    tellRecording(null);
    this.#views.textView.clear();
    this.#on.draw();
  }

  /** Play the first recording where no engine can be waited for. */
  async playIfHopeless() {
    const { engines, stage, source } = this.#views;
    const isLate = performance.now() > RECORDED_AFTER_MS;
    const canWait = engines.all.length > 0 ? !engines.isHopeless : !isLate;
    if (canWait || stage.mode === "recorded" || this.#isLoading || this.#hasChosen) return;
    if (stage.live.numBlocks > 0) return;
    this.#isLoading = true;
    await this.#loadMenu();
    if (source.first && stage.mode !== "recorded") await this.#play(source.first.id);
    this.#isLoading = false;
  }

  /** Read the menu of recordings, once; again when it is needed and was not to be had. */
  #loadMenu() {
    const lacks = () => (this.#menu = null);
    this.#menu ??= this.#views.source
      .load()
      .then((isThere) => (isThere ? this.#on.draw() : lacks()), lacks);
    return this.#menu;
  }

  async #play(recordingId) {
    const { source, textView, stage } = this.#views;
    try {
      const file = await source.fetch(recordingId);
      this.recording = source.find(recordingId);
      textView.clear();
      stage.playRecording(file, performance.now());
      tellRecording(stage.player.header);
      this.#on.draw();
    } catch (error) {
      this.#on.refuse(error.message);
    }
  }
}

/** Tell the page which recording is shown: its header; null: none. */
function tellRecording(detail) {
  document.dispatchEvent(new CustomEvent("servelab:recording", { detail }));
}
