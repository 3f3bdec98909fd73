/**
 * Plays the frames file from stdin; prints the header, then the pool's state and the
 * memory sample at each position given in ms.
 */

import { readFileSync } from "node:fs";

import { Player } from "../../static/js/lab/history.js";
import { poolState } from "./pool_state.js";

const player = new Player(new Uint8Array(readFileSync(0)).buffer);
const { header, durationMs, times } = player;
const moments = process.argv.slice(2).map((positionMs) => {
  player.seek(Number(positionMs));
  return { state: poolState(player.pool), memory: player.memory };
});
process.stdout.write(JSON.stringify({ header, durationMs, times, moments }));
