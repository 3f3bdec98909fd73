"""Chapter Markdown to HTML: CommonMark, tables, directives and inline roles.

    ::: name argument        a directive: a block drawn by courseware/directives.py
    caption or body
    :::

    {name argument}          a role: {claim id}, {term id}, {term id|shown words}
    {value id key format}    a figure of a claim, as text (courseware/values.py)
    [^name], [^name]: words  a footnote
    [words](slug.md#anchor)  a link to another chapter

Raw HTML and images are off, what Markdown yields goes through nh3, and only then are
the drawings of directives and roles (our own templates) put in their places.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import nh3
import yaml
from django.urls import reverse
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from courseware.claims import MARK, unclaimed
from courseware.page import Page, Piece
from courseware.typography import typeset
from courseware.values import parse_value

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
_ROLE = re.compile(r"\{([a-z]+) ([a-z0-9-]+)(?:\|([^{}|\n]+))?\}")
_HEADING = re.compile(r"^(?:(\d+)\. )?(.*?)(?: \{#([a-z0-9-]+)\})?$")
_PLACE = re.compile("\ue000(\\d+)\ue001")
_TABLE = (
    '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>'
)
_PRIVATE = re.compile("[\ue000-\uf8ff\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SUBHEADING = re.compile(r'<h([34]) id="([^"]+)">(.*?)</h\1>', re.S)
_CHAPTER_LINK = re.compile(r"([a-z0-9-]+)\.md(?:#([a-z0-9-]+))?")
MAX_LINE_LETTERS = 20_000
FRONT_LETTERS = {"title": 200, "subtitle": 300, "summary": 1000}


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


def read_page(page: Page, source: str) -> list[Piece]:
    """Parse and draw; raises BrokenChapter at the first thing that is wrong."""
    if match := _PRIVATE.search(source):
        line = source[: match.start()].count("\n") + 1
        raise page.fail(line, f"the character {match.group()!r} is not allowed.")
    page.lines = source.splitlines()
    for number, text in enumerate(page.lines, start=1):
        if len(text) > MAX_LINE_LETTERS:
            raise page.fail(
                number,
                f"{len(text):,} letters in a line; at most {MAX_LINE_LETTERS:,}.",
            )
    tokens = _parser().parse(source, {"page": page})
    page.meta = _front_matter(page, tokens)
    tokens = [token for token in tokens if token.type != "front_matter"]
    _check(page, tokens)
    _check_links(page)
    return [_draw_piece(page, piece, body) for piece, body in _split(page, tokens)]


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": True})
    parser.enable(["table", "smartquotes", "replacements"])
    parser.use(front_matter_plugin)
    parser.use(container_plugin, "directive", validate=lambda *_: True)
    parser.use(footnote_plugin, inline=False)
    for name, draw in NOTE_PARTS.items():
        parser.add_render_rule(name, draw)
    parser.inline.ruler.before("escape", "role", _parse_role)
    parser.inline.ruler.before("role", "value", parse_value)
    parser.add_render_rule("role", _render_role)
    return parser


def _parse_role(state: StateInline, silent: bool) -> bool:
    match = _ROLE.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("role", "", 0)
        token.meta = {"name": match[1], "argument": match[2], "words": match[3] or ""}
        token.meta["line"] = state.src[: state.pos].count("\n")
    state.pos = match.end()
    return True


def _render_role(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    page: Page = env["page"]
    meta = tokens[index].meta
    drawn = page.draw_role(meta["name"], meta["argument"], meta["words"], meta["line"])
    return page.place(drawn)


def _front_matter(page: Page, tokens: list[Token]) -> dict[str, Any]:
    if not tokens or tokens[0].type != "front_matter":
        raise page.fail(1, "a chapter starts with front matter between two lines ---.")
    try:
        meta = yaml.safe_load(tokens[0].content) or {}
    except yaml.YAMLError as error:
        raise page.fail(1, f"the front matter is not YAML: {error}.") from error
    for name in ("title", "summary", "position"):
        if not isinstance(meta, dict) or name not in meta:
            raise page.fail(1, f"the front matter lacks {name}.")
    if type(meta["position"]) is not int or not 0 < meta["position"] < 10_000:
        raise page.fail(
            1, f"position is {meta['position']!r}: allowed is a number from 1 to 9999."
        )
    for name, longest in FRONT_LETTERS.items():
        text = str(meta.get(name, ""))
        if len(text) > longest:
            raise page.fail(1, f"{name} has {len(text)} letters; at most {longest}.")
        for number in unclaimed(text):
            raise page.fail(
                1, f"{number!r} in {name} has no claim: say it in the text."
            )
    return meta


def _check(page: Page, tokens: list[Token]) -> None:
    """Lines to roles, headings to anchors, and all that the parser lets through."""
    line = 1
    row: list[str] = []
    header = ""
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        if token.type == "heading_open":
            _name_heading(page, token, tokens[index + 1], line)
        elif token.type in ("th_open", "td_open"):
            align = str(token.attrs.pop("style", ""))
            token.attrs.update({"class": "number"} if "right" in align else {})
        elif token.type == "tr_open":
            row = []
        elif token.type == "thead_close":
            header = " ".join(row)
        elif token.type == "tr_close" and MARK not in header + "".join(row):
            _check_numbers(page, " ".join(row), line)
        elif token.type == "table_close":
            header = ""
        elif token.type == "inline":
            row.append(_check_inline(page, token, line))
            if tokens[index - 1].type not in ("th_open", "td_open"):
                _check_numbers(page, row[-1], line)


def anchor_of(heading: str) -> tuple[str | None, str, str]:
    """(number, title, anchor) of the words of a heading."""
    match = _HEADING.match(heading)
    assert match is not None
    number, title, anchor = match.groups()
    return number, title, anchor or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _name_heading(page: Page, token: Token, inline: Token, line: int) -> None:
    number, title, anchor = anchor_of(inline.content)
    if token.tag == "h1":
        raise page.fail(line, "the title stands in the front matter: start with ##.")
    if not anchor:
        raise page.fail(line, "this heading needs an id: add {#id} to it.")
    if anchor in page.anchors or anchor in ("sources", "notes", "main", "instrument"):
        where = page.anchors.get(anchor)
        used = f"in line {where}" if where else "by the page"
        raise page.fail(line, f"the id {anchor!r} is already used {used}.")
    page.anchors[anchor] = line
    token.attrs["id"] = anchor
    token.meta = {"number": int(number) if number else None, "title": typeset(title)}
    inline.content = title
    inline.children = _parser().parseInline(title)[0].children


def _check_inline(page: Page, token: Token, line: int) -> str:
    """The plain text of a run of inline tokens, claim marks as MARK."""
    words: list[str] = []
    for child in token.children or []:
        if child.type == "role":
            child.meta["line"] += line
            words.append(MARK if child.meta["name"] == "claim" else child.meta["words"])
        elif child.type == "image":
            raise page.fail(line, "images are not loaded: draw a figure directive.")
        elif child.type == "link_open":
            page.links.append((child, line))
        elif child.type == "text":
            words.append(child.content)
            child.content = typeset(child.content.replace(MARK, ""))
        elif child.type in ("softbreak", "hardbreak", "code_inline"):
            words.append(" ")
    text = "".join(words)
    if text.startswith(":::"):
        raise page.fail(line, "a directive line is ::: name argument, and ends in :::.")
    if note := re.search(r"\[\^[^\]]*\]", text):
        raise page.fail(line, f"the footnote {note.group()} has no words.")
    if re.search(r"\{[a-z]+ [^}]*\}", text):
        raise page.fail(line, f"this role cannot be read: {text[:60]!r}.")
    return text


def _check_numbers(page: Page, text: str, line: int) -> None:
    for number in unclaimed(text):
        raise page.fail(line, f"{number!r} has no claim: add {{claim id}} beside it.")


def _check_links(page: Page) -> None:
    for link, line in page.links:
        target = str(link.attrs.get("href", ""))
        if target.startswith("#"):
            if target[1:] not in page.anchors and target not in ("#instrument",):
                raise page.fail(
                    line, f"the link {target!r} leads nowhere in this file."
                )
        elif match := _CHAPTER_LINK.fullmatch(target):
            link.attrs["href"] = _other_chapter(page, match[1], match[2], line)
        elif not target.startswith("https://"):
            raise page.fail(
                line,
                f"the link {target!r} is neither #anchor nor https:// nor chapter.md.",
            )


def _other_chapter(page: Page, slug: str, anchor: str | None, line: int) -> str:
    """The address of a chapter beside this one, or of a heading in it."""
    path = page.path.with_name(f"{slug}.md")
    if not path.is_file():
        raise page.fail(line, f"there is no chapter {slug!r} beside this one.")
    url = reverse("courseware:chapter", args=[slug])
    if anchor is None:
        return url
    headings = re.findall(r"^#{2,4} (.+)$", path.read_text("utf-8", "replace"), re.M)
    if anchor not in {anchor_of(heading)[2] for heading in headings}:
        raise page.fail(line, f"the chapter {slug!r} has no heading {anchor!r}.")
    return f"{url}#{anchor}"


def _split(page: Page, tokens: list[Token]) -> Iterator[tuple[Piece, list[Token]]]:
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


def _draw_piece(page: Page, piece: Piece, tokens: list[Token]) -> Piece:
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
    parser = _parser()
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
