/** Whether an answer is this site's own, and the sentence that says why it is none. */

/** Every answer of this site has it; a network's sign-in page and a proxy's error have not. */
const OURS = "X-Log-Id";
export const FAR =
  "The server cannot be reached just now. What you entered is kept: try again when the connection is back.";
export const FOREIGN =
  "Something between you and the server answered in its place, perhaps your network’s sign-in page. " +
  "What you entered is kept: open another page of this site to see what it is, then try again.";
export const GONE =
  "This was not taken: it is gone, or your session has ended. Reload the page and try again.";

/** @param {Response} answer  of this site, and of nothing in between */
export const isOurs = (answer) => answer.headers.has(OURS);

/** Why what came is not what was asked for; "" where it is.
 * @param {Response} answer  @param {string} text its body */
export function whyNot({ headers, status, redirected }, text) {
  if (!headers.has(OURS)) return FOREIGN;
  const type = headers.get("Content-Type") ?? "";
  if (type.startsWith("text/plain")) return text;
  if (type.includes("json")) return status < 400 ? "" : (JSON.parse(text).sentence ?? GONE);
  const isPage = /^\s*<!doctype/i.test(text);
  if (status < 400 && !isPage) return "";
  if (status < 400 || status === 404 || redirected) return GONE;
  if (!isPage) return text ? "" : GONE;
  const page = new DOMParser().parseFromString(text, "text/html");
  return page.querySelector("main h1 ~ p")?.textContent.trim() || GONE;
}

/** Fetch what only this site answers; throws an Error with a sentence where it does not.
 * @returns {Promise<Response>} */
export async function ask(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error(FAR);
  }
  if (!isOurs(answer)) throw new Error(FOREIGN);
  if (!answer.ok) throw new Error(whyNot(answer, await answer.text()) || GONE);
  return answer;
}
