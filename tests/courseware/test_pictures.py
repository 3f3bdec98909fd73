"""Pictures of a chapter: words in their place, a size, and nothing that runs."""

import struct
import zlib
from pathlib import Path

import pytest

from courseware.loader import load_chapters
from courseware.models import Section
from tests.courseware.conftest import FRONT

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 200">{}</svg>'

SIZED = SVG.format("").replace("viewBox", 'width="64" height="20px" x')


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IEND", b"")


def _webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4) + body


LOSSY = _webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 320, 200))
LOSSLESS = _webp(b"VP8L", b"\x2f" + struct.pack("<I", 319 | 199 << 14))
EXTENDED = _webp(b"VP8X", bytes(4) + b"\x3f\x01\x00\xc7\x00\x00")


@pytest.fixture
def draw(db, tmp_path: Path):
    """Loads one line of Markdown beside the files of images/; faults or []."""

    def write_and_load(line: str, **files: bytes | str) -> list[str]:
        (tmp_path / "images").mkdir(exist_ok=True)
        for name, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            path = tmp_path / "images" / name.replace("_", ".")
            path.write_bytes(raw)
        (tmp_path / "test.md").write_text(f"{FRONT}Words.\n\n{line}\n")
        return [str(fault) for fault in load_chapters(tmp_path).broken]

    return write_and_load


@pytest.mark.parametrize(
    ("name", "content", "size"),
    [
        ("a_svg", SVG.format("<rect/>"), (640, 200)),
        ("a_svg", SIZED, (64, 20)),
        ("a_png", _png(300, 100), (300, 100)),
        ("a_webp", LOSSY, (320, 200)),
        ("a_webp", LOSSLESS, (320, 200)),
        ("a_webp", EXTENDED, (320, 200)),
    ],
)  # fmt: skip
def test_a_picture_has_its_words_and_its_size(
    name: str, content: bytes | str, size: tuple[int, int], draw
) -> None:
    file = name.replace("_", ".")
    assert (
        draw(f'![A *pool* & "more"]({file} "Of <two> cards")', **{name: content}) == []
    )
    html = Section.objects.get().html
    assert f'<img src="/static/images/{file}" alt="A pool &amp; ' in html
    assert f'width="{size[0]}" height="{size[1]}"' in html
    assert '<span class="picture-caption">Of &lt;two&gt; cards</span>' in html
    assert "A *" not in Section.objects.get().text


def test_the_address_has_a_hash_once_files_are_collected(
    draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = "/static/images/a.0123456789ab.svg"
    monkeypatch.setattr("courseware.markdown.pictures.static", lambda _: hashed)
    assert draw("![x](a.svg)", a_svg=SVG.format("")) == []
    assert f'src="{hashed}"' in Section.objects.get().html


@pytest.mark.parametrize(
    ("line", "files", "reason"),
    [
        ("![x](no.svg)", {}, "there is no picture images/no.svg"),
        ("![](a.png)", {"a_png": _png(1, 1)}, "has no alternative text"),
        ("![ ](a.png)", {"a_png": _png(1, 1)}, "has no alternative text"),
        ("![x](../test.md)", {}, "is no picture of images/"),
        ("![x](a.gif)", {}, "is no picture of images/"),
        ("![x](A.png)", {}, "is no picture of images/"),
        ("![x](data:image/png;base64,AAAA)", {}, "is no picture of images/"),
        ("![x](/static/a.png)", {}, "is no picture of images/"),
        ("![x](a.png)", {"a_png": b"GIF89a"}, "is no png"),
        ("![x](a.png)", {"a_png": b"\x89PNG\r\n\x1a\n"}, "is no png"),
        ("![x](a.png)", {"a_png": _png(9000, 1)}, "is 9000 × 1 pixels"),
        ("![x](a.png)", {"a_png": _png(1, 1) + bytes(400_000)}, "at most 400,000"),
        ("![x](a.webp)", {"a_webp": b"RIFF"}, "is no webp"),
        ("![x](a.svg)", {"a_svg": "<svg"}, "is no svg"),
        ("![x](a.svg)", {"a_svg": "<html/>"}, "is no svg"),
        ("![x](a.svg)", {"a_svg": SVG.format("").replace("viewBox", "x")}, "viewBox"),
        ("![x](a.svg)", {"a_svg": SVG.format("<script/>")}, "holds <script>"),
        ("![x](a.svg)", {"a_svg": SVG.format("<g onload='x'/>")}, "onload"),
        ("![x](a.svg)", {"a_svg": SVG.format("<use href='//e.org/x'/>")}, "leads to"),
        ("![x](a.svg)", {"a_svg": SVG.format("<g fill='url(http://x)'/>")}, "fetches"),
        ("![x](a.svg)", {"a_svg": SVG.format("<style>@import 'x'</style>")}, "fetches"),
        ("![x](a.svg)", {"a_svg": "<!DOCTYPE x>" + SVG.format("")}, "document type"),
        ("![x](a.svg)", {"a_svg": SVG.format("<foreignObject/>")}, "foreignObject"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_a_fault_with_its_line(
    line: str, files: dict, reason: str, draw
) -> None:
    (fault,) = draw(line, **files)
    assert fault.startswith("test.md:8: ") and reason in fault, fault
