"""Footnotes: how their parts are drawn."""

from collections.abc import Sequence
from typing import Any

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from courseware.markdown.page import Page


def _note_number(token: Token) -> int:
    return int(token.meta["id"]) + 1


def _draw_note_ref(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    number, again = _note_number(tokens[index]), int(tokens[index].meta["subId"])
    own_id = f"note-ref-{number}" + (f"-{again}" if again else "")
    page: Page = env["page"]
    return page.place(
        f'<sup class="note-ref"><a id="{own_id}" href="#note-{number}" '
        f'aria-label="Note {number}">{number}</a></sup>'
    )


def _draw_note_open(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    page: Page = env["page"]
    return page.place(f'<li id="note-{_note_number(tokens[index])}">')


def _draw_note_back(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    number = _note_number(tokens[index])
    page: Page = env["page"]
    return page.place(
        f' <a class="note-back" href="#note-ref-{number}" '
        f'aria-label="Back to the text, note {number}">↩</a>'
    )


def _placed(html: str) -> Any:
    return lambda renderer, tokens, index, options, env: env["page"].place(html)


NOTE_PARTS: dict[str, Any] = {
    "footnote_ref": _draw_note_ref,
    "footnote_block_open": _placed('<ol class="notes">'),
    "footnote_open": _draw_note_open,
    "footnote_anchor": _draw_note_back,
    "footnote_close": _placed("</li>"),
    "footnote_block_close": _placed("</ol>"),
}


def check_notes(state: StateCore) -> None:
    """Report footnotes that nothing refers to, or whose words are given twice."""
    page: Page | None = state.env.get("page")
    numbers = state.env.get("footnotes", {}).get("refs", {})
    seen: set[str] = set()
    for token in state.tokens:
        if page is None or token.type != "footnote_reference_open" or not token.map:
            continue
        label, line = token.meta["label"], token.map[0] + 1
        if label in seen:
            page.report(line, f"the footnote [^{label}] has its words already.")
        elif numbers.get(f":{label}", -1) < 0:
            page.report(line, f"nothing refers to the footnote [^{label}].")
        seen.add(label)
