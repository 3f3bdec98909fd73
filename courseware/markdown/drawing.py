"""Tokens to trusted HTML and plain words, section by section."""

import re
from collections.abc import Iterator

import nh3
from django.template.loader import render_to_string
from markdown_it.token import Token

from courseware.markdown.leftovers import marks_in
from courseware.markdown.page import Page, Piece
from courseware.markdown.parser import chapter_parser
from courseware.markdown.words import num_read, plain_words

TAGS = set(
    "p h2 h3 h4 ul ol li em strong s code a table thead tbody tr th td "
    "blockquote hr br".split()
)
ATTRIBUTES = {
    "a": {"href", "title"},
    "h2": {"id"},
    "h3": {"id"},
    "h4": {"id"},
}
ATTRIBUTES |= {"th": {"class"}, "td": {"class"}, "ol": {"start"}}
_PLACE = re.compile("\ue000(\\d+)\ue001")
_TABLE = (
    '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>'
)
_MARKED_WORD = re.compile(
    "(?<![^\\s<>&;\ue000\ue001])([^\\s<>&;\ue000\ue001]++)(\ue000(\\d+)\ue001)"
)
_SUBHEADING = re.compile(r'<h([34]) id="([^"<]+)">((?:(?!<h[34] ).)*?)</h\1>', re.S)


def split(tokens: list[Token]) -> Iterator[tuple[Piece, list[Token]]]:
    """(section, its tokens); what stands before the first ## is the opening."""
    piece = Piece("opening", "", None)
    body: list[Token] = []
    for token in tokens:
        if token.type == "footnote_block_open":
            yield piece, body
            piece, body = Piece("notes", "Notes", None, "Notes"), []
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0:
            yield piece, body
            piece, body = _section(token), []
        elif token.type == "heading_open" and token.meta["heading"].is_short:
            heading = token.meta["heading"]
            title = str(token.meta["title"])
            piece.short_parts.append({"anchor": heading.anchor, "title": title})
        body.append(token)
    yield piece, body


def _section(token: Token) -> Piece:
    heading = token.meta["heading"]
    piece = Piece(heading.anchor, token.meta["title"], heading.number)
    piece.is_short = heading.is_short
    return piece


def draw_piece(page: Page, piece: Piece, tokens: list[Token]) -> Piece:
    """Fill in the heading, the HTML and the plain words of a section."""
    is_headed = bool(tokens) and tokens[0].type == "heading_open"
    if is_headed and tokens[0].tag == "h2" and tokens[0].level == 0:
        piece.heading = _draw(page, tokens[1:2])
        tokens = tokens[3:]
    piece.html = _draw(page, tokens)
    piece.text = plain_words(tokens)
    page.num_words += num_read(tokens)
    return piece


def _draw(page: Page, tokens: list[Token]) -> str:
    """Trusted HTML of a run of block tokens, directives drawn from within."""
    flat: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "container_directive_open":
            end = _end_of(page, tokens, index)
            body = _draw(page, tokens[index + 1 : end])
            flat.append(Token("text", "", 0, content=_directive(page, token, body)))
            index = end
        else:
            flat.append(token)
        index += 1
    parser = chapter_parser()
    html = parser.renderer.render(flat, parser.options, {"page": page})
    clean = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, link_rel="noopener")
    short = {
        token.meta["heading"].anchor
        for token in flat
        if token.type == "heading_open" and token.meta["heading"].is_short
    }
    clean = _SUBHEADING.sub(lambda match: _with_anchor(match, short), clean)
    clean = clean.replace("<table>", _TABLE).replace("</table>", "</table></div>")
    return _PLACE.sub(lambda match: page.drawings[int(match[1])], _join(page, clean))


def _directive(page: Page, token: Token, body: str) -> str:
    name, _, argument = token.info.strip().partition(" ")
    argument, line = argument.strip(), token.map[0] + 1 if token.map else 1
    if mark := marks_in(argument):
        page.report(line, f"{mark!r}: a title is shown as plain words.")
    return page.place_drawn(lambda: page.draw_directive(name, argument, body, line))


def _with_anchor(match: re.Match[str], short: set[str]) -> str:
    """A sub-heading with a link to itself, and its mark on the short path."""
    level, anchor, words = match.groups()
    label = re.sub(r"<[^<>]*>|\ue000\d+\ue001", "", words).replace('"', "&quot;")
    link = f'<a class="anchor" href="#{anchor}" aria-label="Link to {label}">#</a>'
    mark = render_to_string("courseware/_short_mark.html") if anchor in short else ""
    return f'<h{level} id="{anchor}">{words}{mark}{link}</h{level}>'


def _join(page: Page, html: str) -> str:
    """Keep each claim mark on the line of the word it follows."""

    def together(match: re.Match[str]) -> str:
        if "claim-mark" not in page.drawings[int(match[3])]:
            return match[0]
        return f'<span class="together">{match[1]}{match[2]}</span>'

    return _MARKED_WORD.sub(together, html)


def _end_of(page: Page, tokens: list[Token], start: int) -> int:
    """Index of the token that closes the directive at ``start``."""
    first, last = tokens[start].map or [0, 0]
    end = page.lines[last].strip("> \t") if last < len(page.lines) else ""
    if not end.startswith(":::"):
        page.report(first + 1, "this directive has no end :::.")
    depth = 0
    for index in range(start, len(tokens)):
        depth += tokens[index].nesting if "directive" in tokens[index].type else 0
        if depth == 0:
            return index
    raise AssertionError("the parser closes every container")
