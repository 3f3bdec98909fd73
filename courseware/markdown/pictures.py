"""Pictures: files of ``images/`` beside the chapter, with words in their place.

![what it shows](name.svg "A caption")
"""

import re
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from django.template.loader import render_to_string
from django.templatetags.static import static
from markdown_it.token import Token

from courseware.errors import BrokenChapter
from courseware.markdown.page import Page
from courseware.markdown.words import alt_of

FOLDER = "images"
PREFIX = "images"
"""Where the static files of ``courseware/content/images`` lie below static/."""
MAX_BYTES = {"svg": 100_000, "png": 400_000, "webp": 400_000}
MAX_SIDE = 4000
MAX_ALT = 500
_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*\.(svg|png|webp)")
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)(?:px)?\s*")
_ACTIVE = {"script", "foreignObject", "iframe", "object", "embed", "handler", "a"}


class BadPicture(ValueError):
    """Why a picture cannot be shown."""


def render_picture(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    """Markdown-it's rule for images."""
    page: Page = env["page"]
    return page.place_drawn(lambda: _draw(page, tokens, index))


def _draw(page: Page, tokens: Sequence[Token], index: int) -> str:
    token = tokens[index]
    name, alt = str(token.attrs["src"]), alt_of(token)
    try:
        width, height = _checked(page.path.parent / FOLDER, name, alt)
    except BadPicture as error:
        raise BrokenChapter(page.path, token.meta["line"], f"{error}.") from error
    context = {
        "src": static(f"{PREFIX}/{name}"),
        "alt": alt,
        "width": width,
        "height": height,
        "caption": token.attrs.get("title", ""),
    }
    return render_to_string("courseware/_picture.html", context).strip()


def _checked(folder: Path, name: str, alt: str) -> tuple[int, int]:
    if not alt:
        raise BadPicture(f"the picture {name!r} has no alternative text: ![…]({name})")
    if len(alt) > MAX_ALT:
        raise BadPicture(f"the alternative text has more than {MAX_ALT} letters")
    if not _NAME.fullmatch(name):
        kinds = ", ".join(MAX_BYTES)
        raise BadPicture(
            f"images are not loaded from elsewhere, and {name!r} is no picture of "
            f"{FOLDER}/: a name of a-z, 0-9 and -, {kinds}"
        )
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise BadPicture(f"there is no picture {FOLDER}/{name}")
    state = path.stat()
    return size_of(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=500)
def size_of(path: Path, _changed: int, num_bytes: int) -> tuple[int, int]:
    """(width, height) in CSS pixels; BadPicture for what browsers may not be given."""
    kind = path.suffix[1:]
    if num_bytes > MAX_BYTES[kind]:
        raise BadPicture(
            f"{FOLDER}/{path.name} has {num_bytes:,} bytes, at most {MAX_BYTES[kind]:,}"
        )
    read = {"svg": _svg_size, "png": _png_size, "webp": _webp_size}[kind]
    try:
        width, height = read(path.read_bytes())
    except (ValueError, struct.error, ElementTree.ParseError, RecursionError) as error:
        reason = str(error) if isinstance(error, BadPicture) else f"is no {kind}"
        raise BadPicture(f"{FOLDER}/{path.name} {reason}") from error
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise BadPicture(f"{FOLDER}/{path.name} is {width} × {height} pixels")
    return width, height


def _png_size(raw: bytes) -> tuple[int, int]:
    if raw[:8] != b"\x89PNG\r\n\x1a\n" or raw[12:16] != b"IHDR":
        raise ValueError
    width, height = struct.unpack(">II", raw[16:24])
    return width, height


def _webp_size(raw: bytes) -> tuple[int, int]:
    """From the header: RIFF, and VP8 (lossy), VP8L (lossless) or VP8X."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP":
        raise ValueError
    if raw[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", raw[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if raw[12:16] == b"VP8L":
        bits = struct.unpack("<I", raw[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if raw[12:16] == b"VP8X":
        return (
            int.from_bytes(raw[24:27], "little") + 1,
            int.from_bytes(raw[27:30], "little") + 1,
        )
    raise ValueError


def _svg_size(raw: bytes) -> tuple[int, int]:
    if re.search(rb"<!(DOCTYPE|ENTITY)", raw, re.I):
        raise BadPicture("declares a document type or entities")
    root = ElementTree.fromstring(raw)
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError
    for node in root.iter():
        _check_svg_node(node)
    sides = [_LENGTH.fullmatch(root.get(side, "")) for side in ("width", "height")]
    if all(sides):
        return tuple(round(float(side[1])) for side in sides if side)  # type: ignore[return-value]
    box = root.get("viewBox", "").replace(",", " ").split()
    if len(box) != 4:
        raise BadPicture("has neither width and height nor a viewBox")
    return round(float(box[2])), round(float(box[3]))


def _check_svg_node(node: ElementTree.Element) -> None:
    """A picture draws; it runs nothing and fetches nothing."""
    name = str(node.tag).rpartition("}")[2]
    if name in _ACTIVE:
        raise BadPicture(f"holds <{name}>")
    for key, value in node.attrib.items():
        short = key.rpartition("}")[2].lower()
        if short.startswith("on"):
            raise BadPicture(f"holds the attribute {short}")
        if short in ("href", "src") and not value.startswith(("#", "data:image/")):
            raise BadPicture(f"leads to {value[:60]!r}")
        _check_css(value)
    _check_css(node.text or "" if name == "style" else "")


def _check_css(words: str) -> None:
    if re.search(r"@import|url\(\s*['\"]?(?!#|['\"]?data:image/)", words, re.I):
        raise BadPicture("fetches another file in its style")
