"""``manage.py newchapter SLUG``: a chapter that loads, to be written over."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.authoring import CLAIMS_SKELETON, SKELETON
from courseware.loader import CONTENT, SLUG


class Command(BaseCommand):
    """Writes SLUG.md and SLUG.claims.yaml; never over files that exist."""

    help = "Make a new chapter: Markdown and claims that load as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the chapter's address: a-z, 0-9 and -")
        parser.add_argument("directory", nargs="?", type=Path, default=CONTENT)

    def handle(self, *args: Any, **options: Any) -> None:
        slug, directory = options["slug"], options["directory"]
        if not SLUG.fullmatch(slug) or len(slug) > 80:
            raise CommandError(
                f"{slug!r} is no address: a-z, 0-9 and - between, at most 80."
            )
        chapter = directory / f"{slug}.md"
        claims = directory / f"{slug}.claims.yaml"
        for path in (chapter, claims):
            if path.exists():
                raise CommandError(f"{path} exists already; nothing was written.")
        position = 1 + len(list(directory.glob("*.md")))
        title = slug.replace("-", " ").capitalize()
        chapter.write_text(
            SKELETON.format(title=title, position=position, slug=slug), encoding="utf-8"
        )
        claims.write_text(CLAIMS_SKELETON, encoding="utf-8")
        self.stdout.write(f"{chapter}\n{claims}\nNow: manage.py loadchapters")
