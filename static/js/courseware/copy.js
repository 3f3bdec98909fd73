// A button beside each block of code that copies it; of a console only what is typed.

const SHOWN_MS = 2000;

/** @param {ParentNode} root */
export function addCopyButtons(root) {
  for (const block of root.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "code-copy";
    button.textContent = "Copy";
    const status = document.createElement("span");
    status.className = "code-copied";
    status.setAttribute("aria-live", "polite");
    button.addEventListener("click", () => copy(block, status));
    block.append(button, status);
  }
}

async function copy(block, status) {
  const code = block.querySelector("code");
  const text = typed(code.textContent, block.dataset.language);
  const copied = (await toClipboard(text)) || bySelection(code);
  status.textContent = copied ? "Copied" : "Not copied: select the code instead";
  setTimeout(() => (status.textContent = ""), SHOWN_MS);
}

/** Without prompts and output where it is a console that shows them. */
export function typed(text, language) {
  if (language !== "console") return text;
  const lines = text.split("\n");
  const kept = lines.filter((line) => /^[$#>] /.test(line)).map((line) => line.slice(2));
  return kept.length ? kept.join("\n") : text;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Where the page is not secure there is no clipboard: what is selected is copied. */
function bySelection(code) {
  const selection = getSelection();
  selection.selectAllChildren(code);
  return document.execCommand("copy");
}
