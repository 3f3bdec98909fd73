/**
 * The replay page: one recording, or two beside each other, on one time line.
 */

import { isTaken } from "../keys.js";
import { onThemeChange, readPalette } from "../palette.js";
import { ReplayClock } from "./clock.js";
import { openOnDemand } from "../timeline/open.js";
import { inCommon } from "./overview.js";
import { Side } from "./side.js";

const LEAP_MS = 5_000;
const LONG_MS = 60_000;
const byId = (id) => document.getElementById(id);
const root = byId("replay");

class Replay {
  #parts;
  #sides;
  #clock = new ReplayClock([]);
  #isPending = false;

  constructor(parts, sides, palette) {
    this.#parts = parts;
    this.#sides = sides.map((side) => new Side(side, palette, () => this.#schedule()));
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const setMotion = () => this.#sides.forEach((side) => side.allowMotion(!still.matches));
    still.addEventListener("change", setMotion);
    setMotion();
    onThemeChange(() => {
      const other = readPalette(root);
      this.#sides.forEach((side) => side.recolour(other));
      this.#schedule();
    });
    this.#listen();
  }

  async start() {
    await Promise.all(this.#sides.map((side) => side.load()));
    const loaded = this.#sides.filter(({ player }) => player);
    const players = loaded.map(({ player }) => player);
    const { play, back, forth, slider, when } = this.#parts;
    if (players.length === 0) {
      when.textContent = "";
      return;
    }
    const common = inCommon(loaded.map(({ player, tops }) => ({ durationMs: player.durationMs, tops })));
    for (const side of loaded) side.align(common);
    this.#clock = new ReplayClock(players.map(({ times }) => times));
    for (const part of [play, back, forth, slider]) part.disabled = false;
    const step = this.#clock.durationMs > LONG_MS ? 500 : 100;
    slider.step = String(step);
    slider.max = String(step * Math.ceil(this.#clock.durationMs / step));
    this.#schedule();
  }

  #listen() {
    const { play, back, forth, slider, speed } = this.#parts;
    play.addEventListener("click", () => this.#toggle());
    back.addEventListener("click", () => this.#then(() => this.#clock.step(-1)));
    forth.addEventListener("click", () => this.#then(() => this.#clock.step(1)));
    slider.addEventListener("input", () => this.#then(() => this.#scrub()));
    speed.addEventListener("change", () => (this.#clock.speed = Number(speed.value)));
    document.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || isTaken(event.target, event.key)) return;
      const act = this.#keyed(event);
      if (!act) return;
      event.preventDefault();
      this.#then(act);
    });
  }

  #keyed({ key, shiftKey }) {
    const clock = this.#clock;
    const arrow = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (arrow) return () => (shiftKey ? clock.seek(clock.positionMs + arrow * LEAP_MS) : clock.step(arrow));
    const faster = { "-": -1, "+": 1, "=": 1 }[key];
    if (faster) {
      return () => {
        clock.shift(faster);
        this.#parts.speed.value = String(clock.speed);
      };
    }
    return {
      " ": () => this.#toggle(),
      Home: () => clock.seek(0),
      End: () => clock.seek(clock.durationMs),
    }[key];
  }

  #toggle() {
    if (this.#clock.isPlaying) this.#clock.pause();
    else this.#clock.play(performance.now());
    this.#schedule();
  }

  /** The slider's last step may lie beyond the end, where the clock stops. */
  #scrub() {
    this.#clock.pause();
    this.#clock.seek(Number(this.#parts.slider.value));
  }

  #then(act) {
    act();
    this.#schedule();
  }

  #schedule() {
    if (this.#isPending) return;
    this.#isPending = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.#isPending = false;
    const clock = this.#clock;
    clock.tick(now);
    const moving = this.#sides.map((side) => side.show(clock.positionMs, now, !clock.isPlaying));
    this.#tell();
    if (clock.isPlaying || moving.includes(true)) this.#schedule();
  }

  #tell() {
    const { play, slider, when } = this.#parts;
    const { positionMs, durationMs, isPlaying } = this.#clock;
    const words = isPlaying ? "Pause" : "Play";
    if (play.textContent !== words) play.textContent = words;
    slider.value = String(positionMs);
    const text = `${(positionMs / 1000).toFixed(1)} of ${(durationMs / 1000).toFixed(1)}\u202fs`;
    if (when.textContent !== text) when.textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }
}

if (root) {
  const parts = {
    play: byId("replay-play"), back: byId("replay-back"), forth: byId("replay-forth"),
    slider: byId("replay-slider"), when: byId("replay-when"), speed: byId("replay-speed"),
  };
  const sides = [...root.querySelectorAll(".replay-side")];
  new Replay(parts, sides, readPalette(root)).start();
  for (const details of root.querySelectorAll(".timeline")) openOnDemand(details);
}
