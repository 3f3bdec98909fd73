/**
 * Seeks to made-up places of the frames file on stdin, as the replay page does; prints
 * the milliseconds of loading it and of each seek.
 *
 *     node benchmarks/replay_seek.js NUM_SEEKS < FILE
 */

import { readFileSync } from "node:fs";

import { Player } from "../static/js/lab/history.js";
import { samplesOf, thinned } from "../static/js/lab/replay/overview.js";

const file = new Uint8Array(readFileSync(0)).buffer;
const startedAt = performance.now();
const player = new Player(file);
thinned(samplesOf(player.frames));
const loadMs = performance.now() - startedAt;

let seed = 7;
const dice = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
const seeksMs = Array.from({ length: Number(process.argv[2]) }, () => {
  const positionMs = dice() * player.durationMs;
  const before = performance.now();
  player.seek(positionMs);
  return performance.now() - before;
});
process.stdout.write(JSON.stringify({ loadMs, seeksMs, durationMs: player.durationMs }));
