/**
 * Whether a frame can be applied to the requests that there are.
 */

import { RequestState } from "./frame.js";

/** Whether each row of the frame speaks of a request that is there. */
export function knows({ requests, tables, progress }, live) {
  const told = new Map();
  requests.shortId.forEach((id, i) => told.set(id, requests.state[i]));
  const length = (id, group) => {
    if (told.get(id) === RequestState.PREEMPTED) return 0;
    return live.get(id)?.tables[group].length ?? 0;
  };
  const isLive = (id) =>
    told.has(id) ? told.get(id) !== RequestState.FINISHED : live.has(id);
  const fits = (rows, group) =>
    rows.shortId.every((id, i) => isLive(id) && rows.start[i] <= length(id, group)) &&
    rows.replaced.shortId.every((id, i) => isLive(id) && rows.replaced.index[i] < length(id, group));
  const isKnown = (id) => told.has(id) || live.has(id);
  return tables.every(fits) && progress.shortId.every(isKnown);
}
