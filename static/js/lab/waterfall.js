/**
 * Waterfall: the phases of a second engine's start, each beginning where the last ended.
 */

const SVG = "http://www.w3.org/2000/svg";
const REDRAW_MS = 500;

/**
 * Rows of a start: where each phase begins and how long it is, in seconds. Pure.
 * @param {{phases: {name: string, started_s: number, seconds: ?number}[], started_at: ?number}} status
 * @param {number} nowS  epoch seconds; ends the phase that still runs
 */
export function rowsOf({ phases, started_at: startedAt }, nowS) {
  return phases.map(({ name, started_s: from, seconds }) => {
    const isRunning = seconds === null;
    const soFar = startedAt === null ? 0 : Math.max(0, nowS - startedAt - from);
    return { name, from, seconds: isRunning ? soFar : seconds, isRunning };
  });
}

export class Waterfall {
  #box;
  #status = null;
  #timer = 0;

  /** @param {HTMLElement} box  empty and hidden until a second engine starts */
  constructor(box) {
    this.#box = box;
  }

  /** An "engine.status" message; those of main engines are left out. */
  note(status) {
    if (!status.beside || status.phases.length === 0) return;
    this.#status = status;
    this.#draw();
    clearInterval(this.#timer);
    if (status.state === "starting" || status.state === "restarting") {
      this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    }
  }

  #draw() {
    const rows = rowsOf(this.#status, Date.now() / 1000);
    const end = Math.max(...rows.map(({ from, seconds }) => from + seconds), 1);
    const list = document.createElement("ol");
    list.append(...rows.map((row) => rowOf(row, end)));
    const title = document.createElement("p");
    title.className = "plot-title";
    title.textContent = `The second engine’s start: ${end.toFixed(1)}\u202fs so far`;
    if (this.#status.state === "ready") {
      title.textContent = `The second engine’s start: ready after ${end.toFixed(1)}\u202fs`;
    }
    this.#box.replaceChildren(title, list);
    this.#box.hidden = false;
  }
}

function rowOf({ name, from, seconds, isRunning }, end) {
  const row = document.createElement("li");
  row.className = isRunning ? "is-running" : "";
  const label = document.createElement("span");
  label.textContent = name;
  const value = document.createElement("span");
  value.className = "number";
  value.textContent = `${seconds.toFixed(1)}\u202fs${isRunning ? " …" : ""}`;
  const bar = document.createElementNS(SVG, "svg");
  bar.setAttribute("aria-hidden", "true");
  bar.setAttribute("width", "100%");
  bar.setAttribute("height", "12");
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("x", `${(100 * from) / end}%`);
  rect.setAttribute("width", `${Math.max(0.4, (100 * seconds) / end)}%`);
  rect.setAttribute("height", "12");
  bar.append(rect);
  row.append(label, bar, value);
  return row;
}
