"""The short path: the parts of a chapter whose headings say ``{.short}``.

A marked ## stands for all of its section, or, where some of its ### are marked too,
for what stands before its first ###. Each marked part ends in a link to the next.
"""

from dataclasses import dataclass

from django.utils.html import format_html
from markdown_it.token import Token

from courseware.markdown.page import Page
from courseware.markdown.words import num_read

MARK = "●"


@dataclass
class _Part:
    """From one ## or ### to the next: its heading and the tokens from it on."""

    heading: Token | None
    start: int
    end: int

    @property
    def is_marked(self) -> bool:
        """Whether its own heading says so."""
        return bool(self.heading and self.heading.meta["heading"].is_short)

    @property
    def tag(self) -> str:
        """h2 or h3; "" of what stands before the first heading."""
        return self.heading.tag if self.heading else ""


def lead_along(page: Page, tokens: list[Token]) -> None:
    """Count the words of the short path, and put a link at the end of each part."""
    parts = _parts(tokens)
    if not any(part.is_marked for part in parts):
        return
    links: dict[int, str] = {}
    on_path = _on_path(parts)
    for index, part in enumerate(parts):
        if part.tag == "" or index in on_path:
            page.num_short_words += num_read(tokens[part.start : part.end])
        if part.is_marked:
            link = _link_to_next(parts, index, on_path)
            last = max(i for i, owner in on_path.items() if owner == index)
            links[parts[last].end] = link
    for place in sorted(links, reverse=True):
        if links[place]:
            drawn = Token("text", "", 0, content=page.place(links[place]))
            tokens.insert(place, drawn)


def _parts(tokens: list[Token]) -> list[_Part]:
    parts = [_Part(None, 0, len(tokens))]
    for index, token in enumerate(tokens):
        is_notes = token.type == "footnote_block_open"
        if is_notes or (
            token.type == "heading_open"
            and not token.level
            and token.tag in ("h2", "h3")
        ):
            parts[-1].end = index
            if is_notes:
                break
            parts.append(_Part(token, index, len(tokens)))
    return parts


def _on_path(parts: list[_Part]) -> dict[int, int]:
    """Parts on the path by index, each with the index of the mark that it is under."""
    found: dict[int, int] = {}
    section = -1
    for index, part in enumerate(parts):
        if part.tag == "h2":
            section = index if part.is_marked and not _has_marks(parts, index) else -1
        if part.is_marked:
            found[index] = index
        elif section >= 0:
            found[index] = section
    return found


def _has_marks(parts: list[_Part], section: int) -> bool:
    """Whether a ### of this section is marked."""
    for part in parts[section + 1 :]:
        if part.tag == "h2":
            return False
        if part.is_marked:
            return True
    return False


def _link_to_next(parts: list[_Part], index: int, on_path: dict[int, int]) -> str:
    """The link, or "" behind the last part and where the next is the first within."""
    after = next((p for p in parts[index + 1 :] if p.is_marked), None)
    if after is None or after.heading is None:
        return ""
    if parts[index].tag == "h2" and after is parts[index + 1] and after.tag == "h3":
        return ""
    meta = after.heading.meta
    return format_html(
        '<p class="short-next">Next on the short path: <a href="#{}">{}</a></p>',
        meta["heading"].anchor,
        meta["title"],
    )
