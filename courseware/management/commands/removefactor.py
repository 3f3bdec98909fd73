"""``manage.py removefactor ADDRESS``: for who lost authenticator and backup codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware import factors
from courseware.models import User
from courseware.security_log import note


class Command(BaseCommand):
    """The password alone signs in then; find out first who asks."""

    help = "Remove the second factor of an account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address")

    def handle(self, *args: Any, **options: Any) -> None:
        """CommandError where there is no such account or factor."""
        address = options["address"].lower()
        user = User.objects.filter(email=address).first()
        if user is None or not factors.has_factor(user):
            raise CommandError(f"No account {address} has a second factor.")
        factors.remove(user)
        note("second factor removed", account=user.pk, by="operator")
        self.stdout.write(f"The second factor of {address} is removed.")
