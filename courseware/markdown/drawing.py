"""Tokens to trusted HTML and plain words, section by section."""

import re
from collections.abc import Iterator

import nh3
from markdown_it.token import Token

from courseware.markdown.page import Page, Piece
from courseware.markdown.parser import chapter_parser

TAGS = set(
    "p h2 h3 h4 ul ol li em strong s code pre a table thead tbody tr th td "
    "blockquote hr br".split()
)
ATTRIBUTES = {
    "a": {"href"},
    "h2": {"id"},
    "h3": {"id"},
    "h4": {"id"},
    "code": {"class"},
}
ATTRIBUTES |= {"th": {"class"}, "td": {"class"}, "ol": {"start"}}
_PLACE = re.compile("\ue000(\\d+)\ue001")
_TABLE = (
    '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>'
)
_SUBHEADING = re.compile(r'<h([34]) id="([^"]+)">(.*?)</h\1>', re.S)


def split(page: Page, tokens: list[Token]) -> Iterator[tuple[Piece, list[Token]]]:
    """(section, its tokens); what stands before the first ## is the opening."""
    piece = Piece("opening", "", None)
    body: list[Token] = []
    for token in tokens:
        if token.type == "footnote_block_open":
            yield piece, body
            piece, body = Piece("notes", "Notes", None), []
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0:
            yield piece, body
            meta = token.meta
            piece = Piece(str(token.attrs["id"]), meta["title"], meta["number"])
            body = []
        body.append(token)
    yield piece, body


def draw_piece(page: Page, piece: Piece, tokens: list[Token]) -> Piece:
    """Fill in the HTML and the plain words of a section."""
    heading = tokens[:3] if tokens and tokens[0].type == "heading_open" else []
    piece.html = _draw(page, tokens[len(heading) :])
    piece.text = _plain(tokens[len(heading) :])
    return piece


def _draw(page: Page, tokens: list[Token]) -> str:
    """Trusted HTML of a run of block tokens, directives drawn from within."""
    flat: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "container_directive_open":
            end = _end_of(page, tokens, index)
            name, _, argument = token.info.strip().partition(" ")
            body = _draw(page, tokens[index + 1 : end])
            line = token.map[0] + 1 if token.map else 1
            drawn = page.draw_directive(name, argument.strip(), body, line)
            placed = Token("text", "", 0, content=page.place(drawn))
            flat.append(placed)
            index = end
        else:
            flat.append(token)
        index += 1
    parser = chapter_parser()
    html = parser.renderer.render(flat, parser.options, {"page": page})
    clean = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, link_rel="noopener")
    clean = _SUBHEADING.sub(_with_anchor, clean)
    clean = clean.replace("<table>", _TABLE).replace("</table>", "</table></div>")
    return _PLACE.sub(lambda match: page.drawings[int(match[1])], _join(page, clean))


def _with_anchor(match: re.Match[str]) -> str:
    """A sub-heading with a link to itself."""
    level, anchor, words = match.groups()
    label = re.sub(r"<[^>]*>|\ue000\d+\ue001", "", words).replace('"', "&quot;")
    link = f'<a class="anchor" href="#{anchor}" aria-label="Link to {label}">#</a>'
    return f'<h{level} id="{anchor}">{words}{link}</h{level}>'


def _join(page: Page, html: str) -> str:
    """Keep each claim mark on the line of the word it follows."""

    def together(match: re.Match[str]) -> str:
        if "claim-mark" not in page.drawings[int(match[3])]:
            return match[0]
        return f'<span class="together">{match[1]}{match[2]}</span>'

    return re.sub("([^\\s<>&;\ue001]+)(\ue000(\\d+)\ue001)", together, html)


def _end_of(page: Page, tokens: list[Token], start: int) -> int:
    """Index of the token that closes the directive at ``start``."""
    first, last = tokens[start].map or [0, 0]
    if last >= len(page.lines) or not page.lines[last].strip().startswith(":::"):
        raise page.fail(first + 1, "this directive has no end :::.")
    depth = 0
    for index in range(start, len(tokens)):
        depth += tokens[index].nesting if "directive" in tokens[index].type else 0
        if depth == 0:
            return index
    raise AssertionError("the parser closes every container")


def _plain(tokens: list[Token]) -> str:
    """What a search or the mentor reads: words and code, a line per block."""
    lines = []
    for token in tokens:
        if token.type == "inline":
            kept = (c for c in token.children or [] if c.type != "link_open")
            lines.append("".join(_words_of(child) for child in kept))
        elif token.type in ("fence", "code_block"):
            lines.append(token.content.rstrip())
    return "\n".join(line for line in lines if line.strip())


def _words_of(child: Token) -> str:
    if child.type in ("softbreak", "hardbreak"):
        return " "
    if child.type == "role" and child.meta["name"] == "term":
        return str(child.meta["words"] or child.meta["argument"].replace("-", " "))
    return child.content if child.type in ("text", "code_inline") else ""
