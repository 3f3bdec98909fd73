// What an hour costs when the GPU is busy for so many minutes of it.

/** The name of the cheapest. @param {{name: string, usd: number}[]} offers */
export function cheapest(offers) {
  return offers.reduce((best, offer) => (offer.usd < best.usd ? offer : best)).name;
}

/** Dollars of a busy share of an hour. */
export function serverlessUsd(usdPerHour, minutes) {
  return (usdPerHour * minutes) / 60;
}

export class BreakEven {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    const slider = root.querySelector("[data-slider]");
    slider.addEventListener("input", () => this.#show(Number(slider.value)));
    root.querySelector("[data-controls]").hidden = false;
    root.querySelector("[data-row]").hidden = false;
    this.#show(Number(slider.value));
  }

  #show(minutes) {
    const usd = serverlessUsd(Number(this.#root.dataset.serverless), minutes);
    const offers = [{ name: "serverless", usd }];
    for (const cell of this.#root.querySelectorAll("[data-row] [data-usd]")) {
      offers.push({ name: cell.dataset.name, usd: Number(cell.dataset.usd) });
    }
    this.#say("minutes", `${minutes} min of each hour`);
    this.#say("busy", `${minutes} min`);
    this.#say("serverless", `$${usd.toFixed(2)}`);
    this.#say("cheapest", cheapest(offers));
    const slider = this.#root.querySelector("[data-slider]");
    slider.setAttribute("aria-valuetext", `${minutes} minutes: ${cheapest(offers)} is cheapest`);
  }

  #say(name, words) {
    this.#root.querySelector(`[data-words="${name}"]`).textContent = words;
  }
}
