r"""HTML, Markdown and wrapped lines as the plain text of the bank, losses named.

A text of the bank is lines; a line between backticks is shown as code, and nothing in
it is markup. So of HTML the words stay, ``<br>`` and ``<p>`` end a line, ``<code>`` and
``<pre>`` become backticks, ``<sup>`` becomes ``^``, an image its alternative text.
"""

import re
import textwrap
from dataclasses import dataclass
from html.entities import html5
from html.parser import HTMLParser
from urllib.parse import unquote

FORMATS = ("html", "moodle", "plain", "markdown")
"""Names that Moodle's texts have. "moodle" is text in which HTML is allowed."""
_BLOCKS = frozenset(
    "address article aside blockquote caption center dd details div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol p "
    "section summary table tbody tfoot thead tr ul".split()
)
_INLINE = frozenset(
    "a abbr acronym b big bdi bdo br button cite code col colgroup del dfn em font i "
    "img input ins kbd label mark nobr option pre q s samp select small span strike "
    "strong sub sup td textarea th time tt u var wbr".split()
)
_DROPPED = frozenset("head script style template title".split())
"""With all that stands in them."""
_MEDIA = frozenset(
    "applet audio canvas embed frame iframe map math meta link object param picture "
    "source svg track video".split()
)
TAGS = _BLOCKS | _INLINE | _DROPPED | _MEDIA | {"html", "body"}
_SILENT = frozenset(
    "a body br code div html img li ol p pre sub sup tbody td th thead tr ul".split()
)
"""Their meaning stays; of images TextReader speaks."""
_DRAWN = frozenset({"math", "svg"})
_CODE = frozenset("code kbd samp tt".split())
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")
_LIKELY = re.compile(
    rf"</?(?:{'|'.join(sorted(TAGS))})(?:\s[^<>]*)?/?>|<!--|&(?:#\d+|#x[0-9a-f]+);",
    re.IGNORECASE,
)
_LATEX = re.compile(
    r"\$[^$\n\\^_]*+[\\^_][^$\n]*+\$"
    r"|\\\((?:(?!\\\().)*?\\\)|\\\[(?:(?!\\\[).)*?\\\]"
)
_MARKDOWN = re.compile(r"\*\w|_\w+_|^#+ |\]\(|^[-*] |^> |```", re.MULTILINE)


class _Reader(HTMLParser):
    """Collects the text, and the names of what goes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.gone: dict[str, None] = {}
        self.images: list[str] = []
        self._dropped: list[str] = []
        self._links: list[str] = []
        self._in_pre = False
        self._num_drawn = 0
        """Open elements with words of their own in tags of their own."""

    def _unknown(self, tag: str, text: str) -> None:
        """A tag that HTML has not is a text, as in ``List<String>``, unless it belongs
        to a drawing, a formula or Word."""
        if not self._num_drawn and ":" not in tag:
            self.parts.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self._unknown(tag, self.get_starttag_text() or "")
            return
        if tag not in _SILENT:
            self.gone[tag] = None
        if tag in _DRAWN:
            self._num_drawn += 1
        values = {name: value or "" for name, value in attrs}
        if "multilang" in values.get("class", "").split():
            self.gone["… class=multilang"] = None
            self.parts.append(" / " if self.parts else "")
        self._begin(tag, values)

    def _begin(self, tag: str, values: dict[str, str]) -> None:
        if tag in _DROPPED:
            self._dropped.append(tag)
        elif tag == "img":
            self.images.append(image_name(values))
            words = values.get("alt") or self.images[-1]
            self.parts.append(f"[image: {' '.join(words.split())}]")
        elif tag in ("br", "hr") or tag in _BLOCKS:
            self.parts.append("\n• " if tag == "li" else "\n")
        elif tag == "pre":
            self._in_pre = True
            self.parts.append("\n")
        elif tag in _CODE and not self._in_pre:
            self.parts.append("`")
        elif tag in ("sup", "sub"):
            self.parts.append("^(" if tag == "sup" else "_(")
        elif tag in ("td", "th"):
            self.parts.append("\t")
        elif tag == "a":
            self._links.append(values.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in TAGS:
            self._finish(tag)
        else:
            self._unknown(tag, f"</{tag}>")

    def _finish(self, tag: str) -> None:
        if tag in _DRAWN:
            self._num_drawn = max(0, self._num_drawn - 1)
        elif tag in _DROPPED:
            if tag in self._dropped:
                self._dropped.remove(tag)
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "pre":
            self._in_pre = False
            self.parts.append("\n")
        elif tag in _CODE and not self._in_pre:
            self.parts.append("`")
        elif tag in ("sup", "sub"):
            self.parts.append(")")
        elif tag == "a" and self._links:
            self._end_link(self._links.pop())

    def _end_link(self, target: str) -> None:
        if re.match("https?://", target):
            self.parts.append(f" ({target})")
        elif target:  # a file beside the text
            self.gone["a"] = None

    def handle_data(self, data: str) -> None:
        if self._dropped:
            return
        if self._in_pre:
            rows = [f"\n`{row}`" for row in data.strip("\n").split("\n") if row.strip()]
            # A no-break space keeps the indentation over the next step.
            self.parts += [row.replace(" ", "\u00a0") for row in rows]
        else:
            self.parts.append(re.sub(r"[ \t\r\n\f]+", " ", data))

    def handle_comment(self, data: str) -> None:
        self.gone["!-- --"] = None


def image_name(values: dict[str, str]) -> str:
    """The file that an image's attributes name, as Moodle writes it."""
    source = values.get("src", "")
    name = "" if source.startswith("data:") else source.rpartition("/")[2]
    return unquote(name.partition("?")[0]) or "without a name"


def has_html(text: str) -> bool:
    """Whether a text that may have HTML has some; ``List<String>`` is none."""
    if _LIKELY.search(text):
        return True
    return any(found[1] in html5 for found in _ENTITY.finditer(text))


@dataclass(frozen=True, slots=True)
class Plain:
    """A text of HTML in plain lines."""

    text: str
    gone: list[str]
    """Tags whose meaning it no longer has."""
    images: list[str]
    """Names of images that "[image: …]" stands for."""


def html_to_text(text: str) -> Plain:
    """The words of a text of HTML, and what goes."""
    reader = _Reader()
    # An unfinished "<" at the end would be kept back.
    reader.feed(text + "\n")
    reader.close()
    rows = []
    for row in "".join(reader.parts).split("\n"):
        cells = (cell.strip(" ") for cell in row.split("\t"))
        kept = " | ".join(filter(None, cells))
        kept = re.sub(r"([\^_])\((\w)\)", r"\1\2", re.sub(" +", " ", kept))
        if kept not in ("", "•"):
            rows.append(kept.replace("\u00a0", " ").strip())
    plain = "\n".join(filter(None, rows))
    return Plain(plain, list(reader.gone), reader.images)


class TextReader:
    """Reads the texts of one question and collects what they lose."""

    def __init__(self) -> None:
        self._tags: dict[str, None] = {}
        self._images: dict[str, None] = {}
        self.losses: list[str] = []

    def read(self, text: str, form: str) -> str:
        """``text``, which is in one of FORMATS, as lines of the bank."""
        if _LATEX.search(text):
            self.losses.append("its LaTeX is shown as it is written")
        if "{mlang" in text:
            self.losses.append("its {mlang} marks are shown as they are written")
        if form == "html" or (form == "moodle" and has_html(text)):
            plain = html_to_text(text)
            self._tags |= dict.fromkeys(plain.gone)
            self._images |= dict.fromkeys(plain.images)
            return plain.text
        if form == "markdown" and _MARKDOWN.search(text):
            self.losses.append("its Markdown is shown as it is written")
        return text.strip()

    def title(self, text: str) -> str:
        """A title, of which Moodle too keeps the words alone."""
        return " ".join(self.read(text, "moodle").split()) if has_html(text) else text

    def named(self) -> list[str]:
        """All losses of the question."""
        found = []
        if self._tags:
            tags = ", ".join(f"<{tag}>" for tag in self._tags)
            found.append(f"its HTML becomes plain text, without {tags}")
        found += [f"the image {name!r} is not shown" for name in self._images]
        return [*found, *self.losses]


def unwrapped(text: str) -> tuple[str, bool]:
    """The lines of a wrapped text joined; indented ones kept, as lines of code.

    Whether there is code comes with it.
    """
    first, _, rest = text.strip().partition("\n")
    rows = textwrap.dedent(rest.expandtabs(4)).split("\n")
    if not any(row[:1] == " " for row in rows if row.strip()):
        return " ".join(text.split()), False
    code = [f"`{row.rstrip()}`" for row in rows if row.strip()]
    return "\n".join([" ".join(first.split()), *code]), True
