/**
 * Keys of the lab's page: for who stands in front of a class.
 */

/**
 * @param {Document} page
 * @param {{pause: HTMLElement, back: HTMLElement, forth: HTMLElement,
 *   live: () => void, host: (index: number) => void, projector: () => void}} does
 */
export function listenForKeys(page, does) {
  page.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isTaken(event.target, event.key)) return;
    const act = actOf(event.key, does);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function actOf(key, does) {
  if (/^[1-9]$/.test(key)) return () => does.host(Number(key) - 1);
  return {
    " ": () => does.pause.click(),
    ArrowLeft: () => does.back.click(),
    ArrowRight: () => does.forth.click(),
    l: does.live,
    p: does.projector,
  }[key];
}

/** Whether what has the focus takes this key itself. */
export function isTaken(target, key) {
  if (target.closest?.("input, select, textarea, [role=tab], [role=application], [contenteditable]")) return true;
  return key === " " && Boolean(target.closest?.("button, summary, a"));
}
