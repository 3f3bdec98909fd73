// A stretch of steps: which step the slider points at, in the drawing and in words.

export class StepSharing {
  #bars;
  #slider;
  #words;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#bars = [...root.querySelectorAll("[data-bar]")];
    this.#slider = root.querySelector("[data-slider]");
    this.#words = root.querySelector("[data-words]");
    this.#slider.addEventListener("input", () => this.#show());
    root.querySelector("[data-controls]").hidden = false;
    this.#show();
  }

  #show() {
    const at = Number(this.#slider.value);
    this.#bars.forEach((bar, number) => bar.classList.toggle("is-shown", number === at));
    const says = this.#bars[at].dataset.says;
    this.#words.textContent = says;
    this.#slider.setAttribute("aria-valuetext", says);
  }
}
