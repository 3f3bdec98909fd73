/** What the page says between a button and the first word of the server. */

/** Without a word for so long it is said; the socket's heartbeat ends the wait. */
export const SLOW_MS = 5_000;
export const BROKE = "The connection broke before the server had begun it: press the button again when it is back.";

export const AWAY = "The connection is away. This begins by itself when it is back.";
export const TOO_LATE = "The connection was away for too long, so nothing was begun: press the button again.";

/** @returns {string} "" while there is nothing to say */
export function waitingWords(waitedMs) {
  if (waitedMs < SLOW_MS) return "";
  return `Sent, and the server has not begun it for ${Math.floor(waitedMs / 1000)}\u202fs: it is waited for.`;
}

/** Two sentences, or the one there is. */
export function joined(...sentences) {
  return sentences.filter(Boolean).join(" ");
}
