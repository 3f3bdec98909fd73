"""``manage.py embedcourse``: write the vectors of the course's texts into the tree."""

from typing import Any

from django.core.management.base import BaseCommand

from mentor.knowing.knowledge import knowledge, outside
from mentor.knowing.vectors import SHIPPED, ship
from mentor.seeing import texts as of_lab


class Command(BaseCommand):
    """So that no web process computes at its first question what never changes."""

    help = "Write mentor/knowing/vectors.npz anew, from the chapters that are loaded."

    def handle(self, *args: Any, **options: Any) -> None:
        of_course = [*knowledge().texts(), *outside().texts()]
        texts = [*of_course, *of_lab()]
        size = ship(texts)
        self.stdout.write(f"{SHIPPED.name}: {len(set(texts)):,} texts, {size:,} bytes")
