// A claim's mark opens its entry of the list of sources beside the words it belongs to.
// Without this module the mark is a link to that entry.

/** @param {Document} page */
export function openClaims(page) {
  const note = emptyNote(page);
  if (!note.showPopover) return;
  for (const mark of page.querySelectorAll(".claim-mark")) {
    const source = page.getElementById(mark.hash.slice(1));
    if (source) listen(mark, note, source);
  }
}

/** The one note of the page: it moves to the mark that was pressed. */
function emptyNote(page) {
  const note = page.createElement("span");
  note.className = "note claim-note";
  note.setAttribute("popover", "auto");
  note.setAttribute("role", "note");
  return note;
}

function listen(mark, note, source) {
  const isOpen = () => mark.nextSibling === note && note.matches(":popover-open");
  let isShutting = false;
  mark.setAttribute("aria-expanded", "false");
  // The press itself shuts an open note; the click after it shall not open it again.
  mark.addEventListener("pointerdown", () => (isShutting = isOpen()));
  mark.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const isClosing = isOpen() || isShutting;
    isShutting = false;
    if (note.matches(":popover-open")) note.hidePopover();
    if (!isClosing) open(mark, note, source);
  });
}

function open(mark, note, source) {
  fill(note, source, mark);
  mark.after(note); // so that Tab and a screen reader go on into it
  note.showPopover({ source: mark });
  mark.setAttribute("aria-expanded", "true");
  note.addEventListener("beforetoggle", () => mark.setAttribute("aria-expanded", "false"), {
    once: true,
  });
}

/** What the list says of the source, and a link to its place there. */
function fill(note, source, mark) {
  const link = document.createElement("a");
  link.href = mark.hash;
  link.textContent = `Source ${mark.dataset.number}`;
  link.addEventListener("click", () => note.hidePopover());
  note.replaceChildren(...[...source.childNodes].map((part) => part.cloneNode(true)));
  note.querySelector(".note-source").append(" ", link);
}
