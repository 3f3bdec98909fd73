"""``manage.py expire_learners``: what the daily task does, now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from courseware.tasks import expire_learners


class Command(BaseCommand):
    """Deletes the data of anonymous learners who stayed away, and dead sessions."""

    help = "Delete the data of anonymous learners who have not come back."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were forgotten."""
        num_forgotten = expire_learners()
        days = settings.LEARNER_KEPT_DAYS
        self.stdout.write(f"{num_forgotten} learners idle for {days} days deleted.")
