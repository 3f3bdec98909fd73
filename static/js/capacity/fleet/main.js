/**
 * What the fleet pages do beyond htmx: a slider beside each number, and drawings as PNG.
 */

import { addSliders } from "./sliders.js";
import { savePng } from "./png.js";

async function save(button) {
  button.parentElement.querySelector(".part-missing")?.remove();
  try {
    await savePng(button.dataset.png, button.dataset.name);
  } catch (error) {
    const note = document.createElement("p");
    note.className = "part-missing";
    note.setAttribute("role", "alert");
    note.textContent = error.message;
    button.parentElement.append(note);
  }
}

function enhance(root) {
  for (const button of root.querySelectorAll("[data-png]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-png]");
  if (button) save(button);
});
document.addEventListener("htmx:after:swap", () => enhance(document));
addSliders(document);
enhance(document);
