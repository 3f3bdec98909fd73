"""Links: to a heading here, to another chapter, or to https."""

import re

from django.urls import reverse

from courseware.markdown.headings import anchor_of
from courseware.markdown.page import Page

_CHAPTER_LINK = re.compile(r"([a-z0-9-]+)\.md(?:#([a-z0-9-]+))?")


def check_links(page: Page) -> None:
    """Every link leads somewhere; links to chapters become addresses."""
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
