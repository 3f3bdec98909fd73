/**
 * Tabs: one view at a time; arrow keys move, as the tab pattern has it.
 */

export class Tabs {
  #tabs;

  constructor(list) {
    this.#tabs = [...list.querySelectorAll('[role="tab"]')];
    list.addEventListener("click", (event) => {
      const tab = event.target.closest('[role="tab"]');
      if (tab) this.choose(this.#tabs.indexOf(tab));
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const at = this.#tabs.indexOf(document.activeElement);
      const next = (at + step + this.#tabs.length) % this.#tabs.length;
      this.choose(next);
      this.#tabs[next].focus();
    });
  }

  /** Id of the view that is shown. */
  get shown() {
    return this.#tabs
      .find((tab) => tab.getAttribute("aria-selected") === "true")
      .getAttribute("aria-controls");
  }

  choose(index) {
    this.#tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === index));
      tab.tabIndex = i === index ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = i !== index;
    });
  }
}
