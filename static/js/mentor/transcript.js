/** The conversation as the browser knows it. Pure, no DOM.
 *
 * Messages of the socket go in by apply(); each may be missing, and what is missing
 * heals: an event says at which offset its text begins, and a gap asks for the rest.
 */
export class Transcript {
  #turns = new Map();
  #shown = [];
  #isFresh = false;
  conversation = null;
  conversations = [];

  /** Turns on screen, oldest first. */
  get turns() {
    return this.#shown.map((id) => this.#turns.get(id));
  }

  /** The turn an engine works on, or null. */
  get openTurn() {
    return this.turns.find((turn) => turn.state === "open") ?? null;
  }

  turn(id) {
    return this.#turns.get(id) ?? null;
  }

  /** Begin a new conversation; it exists on the server from its first question on. */
  begin() {
    this.conversation = null;
    this.#shown = [];
    this.#isFresh = true;
  }

  /** Leave the fresh page for a conversation that will be opened. */
  leave() {
    this.#isFresh = false;
  }

  /** Take a message in.
   * @returns {{changed: number[], isReplaced: boolean, heal: number|null}}
   */
  apply(message) {
    switch (message.type) {
      case "conversation":
        return this.#replace(message);
      case "asked":
        return this.#add(message.turn, message.replaces);
      case "course":
        return this.#inform(message);
      case "turn":
        return this.#settle(message.turn);
      case "event":
        return this.#advance(message);
      default:
        return outcome([]);
    }
  }

  #replace(message) {
    this.conversations = message.conversations;
    for (const turn of message.turns) this.#keep(turn);
    if (this.#isFresh) return outcome([]);
    const ids = message.turns.map((turn) => turn.id);
    const isSame =
      this.conversation?.id === message.conversation?.id && String(ids) === String(this.#shown);
    this.conversation = message.conversation;
    this.#shown = ids;
    return { ...outcome(ids), isReplaced: !isSame };
  }

  #add(turn, replaces) {
    this.#keep(turn);
    if (this.conversation === null) {
      this.#isFresh = false;
      this.conversation = { id: turn.conversation, title: turn.title };
      this.conversations = [
        this.conversation,
        ...this.conversations.filter(({ id }) => id !== turn.conversation),
      ];
    }
    if (this.conversation.id !== turn.conversation) return outcome([]);
    const place = this.#shown.indexOf(replaces);
    const isReplaced = place >= 0;
    if (isReplaced) this.#shown.length = place;
    if (!this.#shown.includes(turn.id)) this.#shown.push(turn.id);
    return { ...outcome(isReplaced ? this.#shown : [turn.id]), isReplaced };
  }

  #inform({ turn: id, ...course }) {
    const turn = this.#turns.get(id);
    if (!turn) return outcome([]);
    turn.course = course;
    return outcome([id]);
  }

  #settle(turn) {
    this.#keep(turn);
    return outcome([turn.id]);
  }

  #keep(turn) {
    const known = this.#turns.get(turn.id);
    const isStillOpen = turn.state === "open" && known?.state === "open";
    const course = turn.course ?? known?.course ?? null;
    const kept = isStillOpen ? { ...turn, ...liveParts(known) } : turn;
    this.#turns.set(turn.id, { ...kept, course });
  }

  #advance(message) {
    const turn = this.#turns.get(message.turn);
    if (!turn || turn.state !== "open") return outcome([]);
    const have = turn.answer.length;
    if (message.offset > have) {
      const isFirst = !turn.isHealing;
      turn.isHealing = true;
      return { ...outcome([]), heal: isFirst ? turn.id : null };
    }
    turn.isHealing = false;
    turn.answer = turn.answer.slice(0, message.offset) + message.text;
    turn.live = message;
    return outcome([turn.id]);
  }
}

function liveParts(turn) {
  const { answer, live, isStopping, heardS } = turn;
  return { answer, live, isStopping, heardS };
}

function outcome(changed) {
  return { changed, isReplaced: false, heal: null };
}
