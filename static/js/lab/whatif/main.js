/**
 * The what-if page: looks every second how far the rehearsal is, until it has ended.
 */

import { Looking } from "./looking.js";

const LOOK_MS = 1_000;
const result = document.getElementById("result");

if (result) {
  const looking = new Looking(result);
  const look = async () => {
    if (await looking.look()) setTimeout(look, LOOK_MS);
  };
  setTimeout(look, LOOK_MS);
}
