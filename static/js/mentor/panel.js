/** The mentor's panel: questions out, answers in, and what the learner may do. */

import { Rent } from "./rent.js";
import { Following } from "./following.js";
import { Outbox, tabStore } from "./outbox.js";
import { Stopping } from "./stopping.js";
import { TurnView } from "./turn_view.js";
import {
  copyText,
  courseText,
  endSentence,
  isSilent,
  measuredText,
  onOurClock,
  stateSentence,
  tooLongWords,
} from "./words.js";

const DOUBLE_MS = 1_000;
/** From this place on a screen reader hears of each step forward. */
const NEAR_PLACES = 3;
const NOT_SENT = "There is no connection to the server yet: try it again in a moment.";
const CONNECTION_WORDS = {
  connecting: "Connecting …",
  connected: "",
  waiting: "The connection was lost. Your text is kept; trying again …",
  refused: "Your session has ended: reload the page to go on.",
};

export class Panel {
  #parts;
  #transcript;
  #composer;
  #together;
  #following;
  #views = new Map();
  #engines = new Map();
  #connection = null;
  #outbox = null;
  #stopping = null;
  #state = "connecting";
  #ref = 0;
  #announced = "";
  #yours = new Map();
  #told = new Set();
  /** When a question was taken last, on the page's own clock. */
  #takenMs = -Infinity;
  #rent;

  /** @param parts the panel's elements by name, looked up in main.js */
  constructor(parts, transcript, composer, together) {
    this.#parts = parts;
    this.#transcript = transcript;
    this.#composer = composer;
    this.#together = together;
    this.#rent = new Rent(parts.rent, () => this.#showAll());
    this.#following = new Following(parts.log);
  }

  /** Begin: the connection is what the panel speaks through. */
  start(connection) {
    this.#connection = connection;
    this.#outbox = new Outbox((message) => connection.send(message), tabStore());
    this.#stopping = new Stopping((message) => connection.send(message));
    this.#ref = this.#outbox.pending?.ref ?? 0;
    const { stop, examples, fresh, remove, conversations } = this.#parts;
    examples.addEventListener("click", ({ target }) => {
      const example = target.closest("button");
      if (example) this.#askExample(example.textContent);
    });
    stop.addEventListener("click", () => this.stop());
    fresh.addEventListener("click", () => this.#begin());
    remove.addEventListener("click", () => this.#delete());
    conversations.addEventListener("change", () => this.#open(conversations.value));
    setInterval(() => this.#tick(), 1000);
    connection.connect();
  }

  /** The socket is open: say what is on screen, get what was missed. */
  opened() {
    this.#connection.send({
      type: "open",
      conversation: this.#transcript.conversation?.id ?? null,
    });
  }

  connectionState(state) {
    this.#state = state;
    this.#parts.connection.dataset.state = state;
    if (state !== "connected") this.#outbox?.away();
    // Whoever reads here now is somebody else.
    if (state === "refused") {
      this.#outbox?.clear();
      this.#begin();
    }
    this.#sayConnection();
  }

  #sayConnection() {
    const kept = this.#outbox?.tick() ?? "";
    const { connection } = this.#parts;
    const words = kept || CONNECTION_WORDS[this.#state];
    if (connection.textContent !== words) connection.textContent = words;
  }

  /** An EngineStatus, from the viewer. */
  engineState(status) {
    if (status) {
      const id = status.engine_host_id;
      this.#engines.set(id, onOurClock(status, this.#engines.get(id), Date.now() / 1000));
    }
    const statuses = [...this.#engines.values()];
    this.#parts.random.hidden = !statuses.some((one) => one.has_random_weights);
    this.#showAll();
  }

  receive(message) {
    if (message.type === "refused") {
      this.#refused(message);
      return;
    }
    const { changed, isReplaced, heal } = this.#transcript.apply(message);
    if (message.type === "asked") this.#taken(message);
    if (message.cards) this.#rent.take(message.cards);
    if (message.level) this.#composer.level = message.level;
    if (isReplaced) this.#rebuild();
    if (heal !== null) this.#connection.send({ type: "heal", turn: heal });
    const before = this.#transcript.turns.at(-2)?.id;
    for (const id of changed) {
      this.#transcript.turn(id).heardS = Date.now() / 1000;
      this.#show(id);
      this.#mark(id);
    }
    if (before && message.type === "asked") this.#show(before);
    this.#follow(message, isReplaced);
    this.#showControls();
    if (message.type === "conversation") {
      this.#outbox.ready(this.#transcript.conversation?.id ?? null);
      this.#sayConnection();
    }
    this.#announce(changed[changed.length - 1], isReplaced);
  }

  #follow({ type, turn }, isReplaced) {
    const view = this.#views.get(turn?.id ?? turn);
    if (type === "event") this.#following.follow();
    else if (type === "turn") this.#following.rest();
    else if (view) this.#following.begin(view.element);
    else if (isReplaced) this.#following.toEnd();
  }

  /** @param {object} more what is not as the form has it */
  ask(question, more = {}) {
    const { pending } = this.#outbox;
    const isSame = pending?.question === question && Date.now() - pending.sentMs < DOUBLE_MS;
    const isSecondPress = !question.trim() && performance.now() - this.#takenMs < DOUBLE_MS;
    if (isSame || isSecondPress) return;
    const why = this.#state === "refused" ? CONNECTION_WORDS.refused : tooLongWords(question);
    this.#refuse(why);
    if (why) return;
    this.#ref += 1;
    const message = {
      type: "ask",
      conversation: this.#transcript.conversation?.id ?? null,
      question,
      ref: this.#ref,
      ...this.#composer.message(),
      ...more,
    };
    this.#outbox.put(message);
    this.#sayConnection();
  }

  /** @returns {boolean} whether it went out */
  rename(conversation, title) {
    return this.#put({ type: "rename", conversation, title }, "Renamed.");
  }

  chooseLevel(level) {
    this.#connection.send({ type: "level", level });
  }

  #again(id) {
    const { question, level, selected, quiz_answer } = this.#transcript.turn(id);
    this.ask(question, { level, selected, quiz_answer, replaces: id });
  }

  #judge(turn, verdict, reason) {
    const done = verdict ? "Thank you: it is noted." : "Your mark is taken back.";
    return this.#put({ type: "feedback", turn, verdict, reason }, done);
  }

  /** What is not kept until there is a connection: whether it went out is said to all. */
  #put(message, done) {
    const isSent = this.#connection.send(message);
    this.#refuse(isSent ? "" : NOT_SENT);
    if (isSent) this.#say(done);
    return isSent;
  }

  stop() {
    const turn = this.#transcript.openTurn;
    if (!turn || !this.#stopping.begin(turn)) return;
    this.#show(turn.id);
    this.#parts.question.focus();
  }

  #askExample(question) {
    if (!this.#parts.question.value) this.#parts.question.value = question;
    this.ask(question);
  }

  #taken({ ref, turn }) {
    const { question } = this.#parts;
    const isSent = this.#outbox.pending?.ref === ref || turn.question === question.value.trim();
    if (isSent && question.value.trim() === turn.question) question.value = "";
    if (isSent) {
      this.#composer.clear();
      this.#together.begin();
    }
    this.#takenMs = performance.now();
    this.#outbox.clear();
    this.#sayConnection();
  }

  #refused({ ref, reason }) {
    const { pending } = this.#outbox;
    if (ref && ref !== pending?.ref) return;
    const { question } = this.#parts;
    if (ref && !question.value.trim()) question.value = pending.question;
    if (ref) this.#outbox.clear();
    this.#sayConnection();
    const turn = this.#transcript.openTurn;
    if (turn?.isStopping && !ref) turn.isStopping = false;
    this.#refuse(reason);
  }

  #refuse(reason) {
    this.#parts.refusal.textContent = reason;
  }

  #begin() {
    this.#transcript.begin();
    this.#composer.clear();
    this.#together.end();
    this.#rebuild();
    this.#showControls();
    this.#parts.question.focus();
  }

  #open(id) {
    if (id === "") {
      this.#begin();
      return;
    }
    this.#transcript.leave();
    this.#connection.send({ type: "open", conversation: id });
  }

  #delete() {
    const { conversation } = this.#transcript;
    if (!conversation) return;
    const sentence = "Delete this conversation with all its answers? It cannot be undone.";
    if (!window.confirm(sentence)) return;
    this.#connection.send({ type: "delete", conversation: conversation.id });
    this.#parts.question.focus();
  }

  #rebuild() {
    this.#views.clear();
    this.#parts.log.replaceChildren();
    this.#composer.keepTo(this.#transcript.turns);
    const sent = this.#outbox?.pending?.question.trim();
    const last = this.#transcript.turns.at(-1);
    if (sent && last?.question === sent && last.state === "open") {
      // The answer to this question got lost with the connection, the question not.
      this.#taken({ ref: this.#outbox.pending.ref, turn: last });
    }
  }

  #showAll() {
    for (const turn of this.#transcript.turns) this.#show(turn.id);
  }

  #show(id) {
    const turn = this.#transcript.turns.find((shown) => shown.id === id);
    if (!turn) return;
    let view = this.#views.get(id);
    if (!view) {
      view = new TurnView(this.#parts.turnTemplate, turn, {
        onagain: (turnId) => this.#again(turnId),
        onedit: (turnId) => this.#composer.edit(this.#transcript.turn(turnId)),
        onoffer: (question) => this.ask(question),
        onfeedback: (turnId, ...said) => this.#judge(turnId, ...said),
        onblocks: (turnId, event) => this.#focusBlocks(turnId, event),
        oncopy: (turnId, answer) => this.#copy(turnId, answer),
      });
      this.#views.set(id, view);
      this.#parts.log.append(view.element);
    }
    const isLast = turn === this.#transcript.turns.at(-1);
    view.show(turn, this.#engineOf(turn), Date.now() / 1000, isLast, this.#rent.card);
  }

  #showControls() {
    const { stop, examples, remove, conversations, log, tools, exported } = this.#parts;
    const { conversation, turns, openTurn } = this.#transcript;
    tools.hidden = this.#transcript.conversations.length === 0;
    stop.hidden = openTurn === null;
    examples.hidden = turns.length > 0;
    log.hidden = turns.length === 0;
    remove.disabled = conversation === null;
    this.#parts.renaming.show(conversation);
    exported.hidden = conversation === null;
    exported.href = exported.dataset.url.replace(/0{8}-[0-]+/, conversation?.id ?? "");
    const options = this.#transcript.conversations.map(({ id, title }) => [id, title]);
    if (conversation === null) options.unshift(["", "New conversation"]);
    conversations.replaceChildren(
      ...options.map(([id, title]) => new Option(title || "Without a title", id)),
    );
    conversations.value = conversation?.id ?? "";
  }

  #engineOf(turn) {
    const engines = [...this.#engines.values()];
    const own = this.#engines.get(turn.live?.engine_host_id);
    return own ?? engines.find(({ state }) => state === "ready") ?? engines[0] ?? null;
  }

  /** Seconds of a cold start go on although no message comes. */
  #tick() {
    this.#sayConnection();
    const turn = this.#transcript.openTurn;
    if (!turn) return;
    this.#stopping.tick(turn);
    if (turn.live?.phase !== "decode" || isSilent(turn, Date.now() / 1000)) this.#show(turn.id);
  }

  /** Tell the viewer which short ids are the learner's. */
  #mark(id) {
    const turn = this.#transcript.turn(id);
    const shortId = turn.live?.short_id;
    const isLive = turn.state === "open" && Number.isInteger(shortId);
    const before = this.#yours.get(id);
    if (before && (!isLive || before.shortId !== shortId)) {
      this.#tell("servelab:yours", { ...before, state: "remove" });
      this.#yours.delete(id);
    }
    if (isLive && !this.#yours.has(id)) {
      const label = turn.question;
      const detail = { engineHostId: turn.live.engine_host_id, shortId, label };
      this.#yours.set(id, detail);
      this.#tell("servelab:yours", { ...detail, state: "add" });
    }
  }

  #focusBlocks(id, event) {
    const detail = this.#yours.get(id);
    if (detail && !this.#tell("servelab:focus-request", detail)) event.preventDefault();
  }

  /** @returns {boolean} whether nobody has taken the event for theirs */
  #tell(name, detail) {
    return document.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));
  }

  async #copy(id, element) {
    const words = element.querySelector('[data-part="answer"]').innerText.trim();
    try {
      await navigator.clipboard.writeText(copyText(this.#transcript.turn(id), words));
      this.#say("The answer is copied.");
    } catch {
      window.getSelection().selectAllChildren(element);
      this.#say("The answer is selected: copy it with your browser.");
    }
  }

  /** Screen readers hear states, what the course says, and how the check went: never
   * single tokens, and no sentence that the course does not support. */
  #announce(id, isReplaced) {
    const turn = this.#transcript.turn(id);
    if (!turn || isReplaced) return;
    const { phase, place } = turn.live ?? {};
    const near = place ? Math.min(place, NEAR_PLACES + 1) : "";
    const key = `${id} ${turn.state} ${phase} ${near} ${Boolean(turn.course)}`;
    if (key === this.#announced) return;
    this.#announced = key;
    if (turn.course && !this.#told.has(id)) {
      this.#told.add(id);
      const [measured, words] = [measuredText(turn), courseText(turn)];
      const said = [measured && `Seen in the lab: ${measured}`, words && `From the course: ${words}`];
      this.#say(said.filter(Boolean).join(" "));
    } else if (turn.state === "failed") this.#say(turn.error);
    else if (turn.state !== "answered") {
      this.#say(stateSentence(turn, this.#engineOf(turn), Date.now() / 1000));
    } else if (turn.answer || turn.error) this.#say(endSentence(turn));
  }

  #say(text) {
    this.#parts.announcer.textContent = text;
  }
}
