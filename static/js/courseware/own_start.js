// The phases of the engine beside the text, as it told them when it started.

const SVG = "http://www.w3.org/2000/svg";

export class OwnStart {
  #root;
  #key = "";
  #status = null;
  #recording = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    document.addEventListener("servelab:engine", ({ detail }) => {
      this.#status = detail;
      this.#update();
    });
    document.addEventListener("servelab:recording", ({ detail }) => {
      this.#recording = detail;
      this.#update();
    });
  }

  #update() {
    const recording = this.#recording;
    if (recording) {
      const date = recording.date.slice(0, 10);
      this.#show(recording, `Recorded on ${date}, when the engine of this recording started`);
    } else {
      this.#show(this.#status, "Measured when it started here");
    }
  }

  /** @param {object|null} status  EngineStatus, or a recording's header */
  #show(status, when) {
    const phases = (status?.phases ?? []).filter((phase) => Number.isFinite(phase.seconds));
    const key = JSON.stringify([when, phases]);
    if (phases.length === 0 || key === this.#key) return;
    this.#key = key;
    const total = phases.reduce((sum, phase) => sum + phase.seconds, 0);
    const longest = Math.max(...phases.map((phase) => phase.seconds), 1e-9);
    const bars = this.#root.querySelector("[data-bars]");
    bars.replaceChildren(...phases.flatMap((phase) => row(phase, longest)));
    bars.hidden = false;
    this.#root.querySelector("[data-words]").textContent =
      `${when}: ${total.toFixed(1)}\u202fs in all, ` +
      `${status.model ?? "its model"} on ${status.device ?? "this machine"}. ` +
      "The bars are of one scale among themselves, not with those above.";
  }
}

function row({ name, seconds }, longest) {
  const label = document.createElement("p");
  label.className = "bar-label";
  label.textContent = name;
  const bar = document.createElementNS(SVG, "svg");
  bar.setAttribute("class", "bar");
  bar.setAttribute("width", "100%");
  bar.setAttribute("height", "20");
  bar.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", "phase");
  rect.setAttribute("width", `${(100 * seconds) / longest}%`);
  rect.setAttribute("y", "4");
  rect.setAttribute("height", "12");
  bar.append(rect);
  const value = document.createElement("p");
  value.className = "bar-value";
  value.textContent = `${seconds.toFixed(1)} s`;
  return [label, bar, value];
}
