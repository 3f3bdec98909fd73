"""Images of Moodle XML, as files with names that any system takes."""

import base64
import binascii
import re
from collections.abc import Callable

from quizzes.formats.imported import Imported
from quizzes.formats.safe_xml import Node

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"RIFF": ".webp",
}
MAX_IMAGE_BYTES = 4_000_000
MAX_STEM_CHARS = 60
"""Of a file's name: systems take 255 bytes, four a letter."""


def keep_image(node: Node, imported: Imported) -> str:
    """Take the image of a ``<file>``; what is lost if it is none, or is not what its
    text calls it."""
    given = node.attributes.get("name", "")
    name = re.sub(r"[^\w.-]+", "-", given).strip(".-")
    try:
        data = base64.b64decode(node.text, validate=False)
    except (binascii.Error, ValueError):
        data = b""
    ending = next((e for start, e in _IMAGES.items() if data.startswith(start)), "")
    if not name or not ending or len(data) > MAX_IMAGE_BYTES:
        return (
            f"the file {given!r}: PNG, JPEG, GIF and WebP of at most "
            f"{MAX_IMAGE_BYTES:,} bytes are kept"
        )
    stem = (name.rpartition(".")[0] or name)[:MAX_STEM_CHARS].rstrip(".-")
    name = free_name(stem + ending, lambda one: imported.files.get(one, data) == data)
    imported.files[name] = data
    if name == stem + ending:
        return ""
    return f"the name of its image {given!r}, which another has: it becomes {name!r}"


def free_name(name: str, is_free: Callable[[str], bool]) -> str:
    """``a.png``, or the first of ``a-2.png``, ``a-3.png``, … that is free."""
    stem, _, ending = name.rpartition(".")
    number, found = 1, name
    while not is_free(found):
        number += 1
        found = f"{stem}-{number}.{ending}"
    return found
