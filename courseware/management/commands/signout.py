"""``manage.py signout ADDRESS`` or ``--everybody``: ends sessions."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.models import User
from courseware.other_browsers import end_sessions
from courseware.security_log import note


class Command(BaseCommand):
    """Whoever is signed in signs in again; accounts stay as they are."""

    help = "End every session of an account, or of all accounts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", nargs="?", default="")
        parser.add_argument("--everybody", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """CommandError where there is no such account, or none is named."""
        address = options["address"].lower()
        if bool(address) == options["everybody"]:
            raise CommandError("Name an account, or --everybody.")
        users = (
            User.objects.all() if not address else User.objects.filter(email=address)
        )
        for user in users:
            end_sessions(user)
            note("signed out by staff", of=user.pk, by="operator")
        if address and not users:
            raise CommandError(f"There is no account {address}.")
        self.stdout.write(f"Signed out everywhere: {len(users)}.")
