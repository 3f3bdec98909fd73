"""``manage.py authoringdocs``: write docs/authoring.md from courseware/authoring.py."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from courseware.authoring import document


class Command(BaseCommand):
    """Each directive and role with an example and what it renders to."""

    help = "Write docs/authoring.md anew."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR, "docs", "authoring.md")
        path.write_text(document(), encoding="utf-8")
        self.stdout.write(str(path))
