// A claim's button leads to its demonstration in the lab, ready to be pressed.

/** @param {Document} page */
export function listenForExperiments(page) {
  page.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-experiment]");
    if (!link) return;
    const button = page.querySelector(`[data-demo="${link.dataset.experiment}"]`);
    if (!button) return;
    event.preventDefault();
    link.closest("[popover]")?.hidePopover?.();
    openSheet(page);
    show(button);
  });
}

/** On a phone the lab is a sheet below; closed, its buttons cannot be reached. */
function openSheet(page) {
  const handle = page.getElementById("lab-handle-toggle");
  const isShown = handle?.checkVisibility?.() ?? false;
  if (isShown && handle.getAttribute("aria-expanded") === "false") handle.click();
}

function show(button) {
  const box = button.closest("#lab-demos") ?? button.parentElement;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  box.scrollIntoView({ block: "center", behavior: isCalm ? "auto" : "smooth" });
  // A button without an engine is disabled and takes no focus; the words beside say why.
  box.tabIndex = -1;
  const target = button.disabled ? box : button;
  target.focus({ preventScroll: true });
  button.classList.add("is-pointed-at");
  button.addEventListener("blur", () => button.classList.remove("is-pointed-at"), { once: true });
  box.addEventListener("blur", () => button.classList.remove("is-pointed-at"), { once: true });
}
