/**
 * Palette: the colour roles of base.css as numbers, for what is drawn pixel by pixel.
 *
 * A colour is one word, 0xAABBGGRR: as the bytes of an ImageData lie in memory.
 */

const ROLES = [
  "ground", "panel", "ink", "muted", "rule", "rule-strong", "link", "warning", "bad",
  "free", "cached", "used", "shared", "yours",
];

/** Pack red, green and blue, 0..255 each, into an opaque word. */
export function pack(red, green, blue) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** `share` (0..1) of `top` over `bottom`. */
export function mix(top, bottom, share) {
  const part = (shift) => {
    const a = (top >>> shift) & 255;
    const b = (bottom >>> shift) & 255;
    return Math.round(b + (a - b) * share);
  };
  return pack(part(0), part(8), part(16));
}

/** "#1C1B19" or "rgb(28, 27, 25)" to a word; null when it is neither. */
export function parseColour(text) {
  const hex = /^#([0-9a-f]{6})$/i.exec(text.trim());
  if (hex) {
    const word = parseInt(hex[1], 16);
    return pack(word >>> 16, (word >>> 8) & 255, word & 255);
  }
  const parts = /^rgba?\(([\d.]+)[ ,]+([\d.]+)[ ,]+([\d.]+)/.exec(text.trim());
  return parts ? pack(...parts.slice(1, 4).map(Number).map(Math.round)) : null;
}

/** A word as CSS has it. */
export function css(word) {
  return `rgb(${word & 255} ${(word >>> 8) & 255} ${(word >>> 16) & 255})`;
}

/**
 * Read the roles of `element`: {ground, panel, ink, …, "rule-strong"} as words.
 * @param {Element} element
 */
export function readPalette(element) {
  const style = getComputedStyle(element);
  const grey = pack(128, 128, 128);
  return Object.fromEntries(
    ROLES.map((role) => [role, parseColour(style.getPropertyValue(`--${role}`)) ?? grey]),
  );
}

/** Call `changed` whenever the page turns light or dark. */
export function onThemeChange(changed) {
  const later = () => requestAnimationFrame(changed);
  document.addEventListener("servelab:theme", later);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
}
