/**
 * Enter that ends a word of an input method (Chinese, Japanese, Korean and others) sends
 * nothing, on any page: neither a form by itself nor by a script. Nor does Escape, which
 * takes such a word back, close what stands around it.
 */

const INPUT_METHOD_KEY_CODE = 229;

/** Whether a key went to an input method. Safari says so only by its key code, as its
 * Enter comes after the composition has ended. */
export function isOfInputMethod({ isComposing, keyCode }) {
  return isComposing || keyCode === INPUT_METHOD_KEY_CODE;
}

/** Keep a browser from sending the form around a field. */
export function keepForm(event) {
  if (event.key === "Enter" && isOfInputMethod(event) && event.target.matches?.("input")) {
    event.preventDefault();
  }
}

globalThis.document?.addEventListener("keydown", keepForm, true);
