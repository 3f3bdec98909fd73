"""Links: to a heading here, to another chapter, to a page of the site, or to https."""

import re
from typing import Any
from urllib.parse import unquote

from django.urls import Resolver404, resolve, reverse

from courseware.markdown.front_matter import is_draft
from courseware.markdown.headings import read_heading
from courseware.markdown.page import Page

_CHAPTER_LINK = re.compile(r"([a-z0-9-]+)\.md(?:#([^#/]+))?")


def check_links(page: Page) -> None:
    """Every link leads somewhere; links to chapters become addresses."""
    for link, line in page.links:
        target = str(link.attrs.get("href", ""))
        if target.startswith("#"):
            anchor = unquote(target[1:])
            if anchor not in page.anchors and target != "#instrument":
                page.report(
                    line, f"the link {'#' + anchor!r} leads nowhere in this file."
                )
        elif match := _CHAPTER_LINK.fullmatch(target):
            anchor = unquote(match[2]) if match[2] else ""
            link.attrs["href"] = _other_chapter(page, match[1], anchor, line)
        elif target.startswith("/") and not target.startswith("//"):
            _check_own_page(page, target, line)
        elif not target.startswith("https://"):
            page.report(
                line,
                f"the link {target!r} is neither #anchor nor https:// nor chapter.md "
                "nor /page/ of this site.",
            )


def _check_own_page(page: Page, target: str, line: int) -> None:
    try:
        resolve(target.partition("?")[0].partition("#")[0])
    except Resolver404:
        page.report(line, f"this site has no page {target!r}.")


def check_references(page: Page, env: dict[str, Any]) -> None:
    """Addresses ``[name]: …`` are used, and given once."""
    for name, reference in env.get("references", {}).items():
        if not any(link.meta.get("label") == name for link, _ in page.links):
            line = reference["map"][0] + 1
            page.report(line, f"no link uses the address [{name}].")
    for reference in env.get("duplicate_refs", []):
        label, line = reference["label"], reference["map"][0] + 1
        page.report(line, f"the address [{label}] is given twice.")


def _other_chapter(page: Page, slug: str, anchor: str, line: int) -> str:
    """The address of a chapter beside this one, or of a heading in it."""
    path = page.path.with_name(f"{slug}.md")
    if not path.is_file():
        page.report(line, f"there is no chapter {slug!r} beside this one.")
        return ""
    source = path.read_text("utf-8-sig", "replace")
    if is_draft(source) and not page.meta.get("draft"):
        page.report(line, f"the chapter {slug!r} is a draft, which readers cannot see.")
    url = reverse("courseware:chapter", args=[slug])
    if not anchor:
        return url
    words = re.findall(r"^ {0,3}#{2,4} (.+)$", source, re.M)
    if anchor not in {read_heading(_unclosed(heading)).anchor for heading in words}:
        page.report(line, f"the chapter {slug!r} has no heading {anchor!r}.")
    return f"{url}#{anchor}"


def _unclosed(heading: str) -> str:
    """The words of a heading without the #s that may end its line."""
    bare = heading.rstrip()
    words = bare.rstrip("#")
    return words.rstrip() if words.endswith((" ", "\t")) else bare
