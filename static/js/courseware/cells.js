// The pool of a recorded run as cells: what each block holds, paged or in regions. Pure.

export const KINDS = ["tokens", "reserved", "internal", "free"];

/** Kind of every block of a paged moment. @returns {string[]} */
export function pagedKinds(moment, numBlocks) {
  const kinds = new Array(numBlocks).fill("free");
  for (const [, , blockIds] of moment.tables) {
    for (const blockId of blockIds) kinds[blockId] = "tokens";
  }
  return kinds;
}

/** Kind of every block of a moment with regions. @returns {string[]} */
export function regionKinds(moment, numBlocks, blockSize) {
  const kinds = new Array(numBlocks).fill("free");
  for (const [, tokens, final, start, units] of moment.regions) {
    const held = Math.ceil(tokens / blockSize);
    const needed = Math.ceil(final / blockSize);
    kinds.fill("tokens", start, start + held);
    kinds.fill("reserved", start + held, start + needed);
    kinds.fill("internal", start + needed, start + units);
  }
  return kinds;
}

/** One SVG path for each kind. @returns {Record<string, string>} */
export function paths(kinds, columns) {
  const found = Object.fromEntries(KINDS.map((kind) => [kind, ""]));
  kinds.forEach((kind, index) => {
    found[kind] += `M${10 * (index % columns)},${10 * Math.floor(index / columns)}h9v9h-9z`;
  });
  return found;
}

/** What a side says in words: counts, and how much of what is taken holds tokens. */
export function words(moment, blockSize) {
  const rows = moment.tables ?? moment.regions;
  const tokens = rows.reduce((sum, row) => sum + row[1], 0);
  const taken = moment.tables
    ? new Set(rows.flatMap((row) => row[2])).size
    : rows.reduce((sum, row) => sum + row[4], 0);
  const counts = `${rows.length} running, ${moment.waiting} waiting, ${moment.finished} done.`;
  if (taken === 0) return counts;
  const share = Math.min(100, Math.round((100 * tokens) / (taken * blockSize)));
  return `${counts} ${share}\u202f% of what is taken holds tokens.`;
}
