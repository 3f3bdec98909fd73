/**
 * What the fleet pages do beyond htmx: a slider beside each number, and drawings as PNG.
 */

import { addSliders } from "./sliders.js";
import { savePng } from "./png.js";

function enhance(root) {
  for (const button of root.querySelectorAll("[data-png]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-png]");
  if (button) savePng(button.dataset.png, button.dataset.name);
});
document.addEventListener("htmx:after:swap", () => enhance(document));
addSliders(document);
enhance(document);
