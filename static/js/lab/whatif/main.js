/**
 * The what-if page: looks every second how far the rehearsal is, until it has ended.
 */

import { ask } from "../../answers.js";

const LOOK_MS = 1_000;
const result = document.getElementById("result");

async function look() {
  const standing = document.getElementById("whatif-standing");
  const url = standing?.dataset.url;
  if (!url) return;
  try {
    const answer = await ask(url, { headers: { Accept: "text/html" } });
    result.innerHTML = await answer.text();
  } catch {
    // The server is away for a moment: the next look may find it.
  }
  setTimeout(look, LOOK_MS);
}

if (result) setTimeout(look, LOOK_MS);
