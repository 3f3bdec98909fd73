/** Parts of the page that stand in several of its places, by the prefix of their ids. */

const byId = (id) => document.getElementById(id);

/** Why a request came out so. */
export function whyParts(prefix) {
  const names = ["title", "sentences", "apart", "table", "rows", "bill"];
  const parts = Object.fromEntries(names.map((name) => [name, byId(`${prefix}why-${name}`)]));
  return { box: byId(`${prefix}why`), ...parts };
}

/** The prefix cache: tree, candidates, last evictions. */
export function cacheParts(prefix) {
  const names = ["note", "tree", "candidates", "choices"];
  return Object.fromEntries(names.map((name) => [name, byId(`${prefix}cache-${name}`)]));
}

/** The grid's switch between states, hits and age. @param {Element} states  its legend */
export function heatParts(prefix, states) {
  const names = ["switch", "legend", "note"];
  const parts = Object.fromEntries(names.map((name) => [name, byId(`${prefix}heat-${name}`)]));
  return { ...parts, states };
}

/** A timeline's. @param {Element} root  has them by data-timeline */
export function timelineParts(root) {
  const names = [
    "box", "canvas", "words", "zoomIn", "zoomOut", "table", "sharesTitle", "shares", "hold",
    "note", "go",
  ];
  return Object.fromEntries(names.map((name) => [name, root.querySelector(`[data-timeline="${name}"]`)]));
}
