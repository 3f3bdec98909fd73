// A term's definition opens on hover, focus and tap. Without this module, on a press.

const CLOSE_AFTER_MS = 200;

/** @param {ParentNode} root */
export function openTerms(root) {
  for (const term of root.querySelectorAll(".term[popovertarget]")) {
    const note = document.getElementById(term.getAttribute("popovertarget"));
    if (note?.showPopover) listen(term, note);
  }
}

function listen(term, note) {
  let leaving = 0;
  const open = () => {
    clearTimeout(leaving);
    if (!note.matches(":popover-open")) note.showPopover({ source: term });
  };
  const close = () => {
    clearTimeout(leaving);
    if (note.matches(":popover-open")) note.hidePopover();
  };
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      const isHere = [term, note].some((part) => part.matches(":hover, :focus-within"));
      if (!isHere) close();
    }, CLOSE_AFTER_MS);
  };
  for (const part of [term, note]) {
    part.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && open());
    part.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
    part.addEventListener("focusout", leave);
  }
  term.addEventListener("focus", open);
  // The press would shut what focus has just opened.
  term.addEventListener("click", (event) => {
    event.preventDefault();
    open();
  });
}
