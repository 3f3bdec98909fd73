"""The security log: what happens to accounts, and what is refused, a line each.

    who     account    the number of the account that is signed in, or is meant
            tried      a keyed hash of the address that was typed: one account's guesses
                       can be put together, and the address is written down nowhere
    where   address    the network address, as a trusted proxy saw it
    what    event      one of EVENTS; docs/running.md has them too

Passwords, codes, tokens, e-mail addresses and learner ids are in none of them. Every
line of the log says when it was, and of which request (``log_id``).
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from courseware.models import User
from courseware.sockets import address_of_request, address_of_socket

logger = logging.getLogger("servelab.security")
FACTORS = {"TOTPDevice": "authenticator", "StaticDevice": "backup code"}
"""How the log names a second factor, by django-otp's."""
EVENTS = {
    "signed in": logging.INFO,
    "signed out": logging.INFO,
    "wrong password": logging.WARNING,
    "wrong code": logging.WARNING,
    "held up": logging.WARNING,
    "account made": logging.INFO,
    "account deleted": logging.INFO,
    "new password": logging.INFO,
    "letter for a new password": logging.INFO,
    "second factor set up": logging.INFO,
    "second factor removed": logging.INFO,
    "other browsers signed out": logging.INFO,
    "signed out by staff": logging.INFO,
    "refused before it was read": logging.WARNING,
    "socket refused": logging.WARNING,
}


def note(event: str, request: HttpRequest | None = None, **facts: Any) -> None:
    """Write one of EVENTS; of ``request`` the address and who is signed in."""
    if request is not None:
        user = getattr(request, "user", None)
        account = user.pk if isinstance(user, User) else None
        facts = {"account": account, "address": address_of_request(request), **facts}
    known = {name: value for name, value in facts.items() if value not in (None, "")}
    logger.log(EVENTS[event], event, extra=known)


def note_refusal(event: str, scope: Mapping[str, Any], **facts: Any) -> None:
    """The same of what never became a request of Django's, by its ASGI scope."""
    path = scope.get("path", "")
    note(event, address=address_of_socket(scope), path=path, **facts)


def hash_of(typed: str) -> str:
    """What stands for an address that was typed."""
    made = salted_hmac("courseware.security-log", typed, algorithm="sha256")
    return made.hexdigest()[:16]


@receiver(user_logged_in, dispatch_uid="courseware.note_signed_in")
def _note_signed_in(request: HttpRequest, user: User, **rest: Any) -> None:
    device = type(getattr(user, "otp_device", None)).__name__
    second = f" and {FACTORS[device]}" if device in FACTORS else ""
    who = {"account": user.pk, "tried": hash_of(user.email)}
    note("signed in", request, **who, factors=f"password{second}")


@receiver(user_logged_out, dispatch_uid="courseware.note_signed_out")
def _note_signed_out(request: HttpRequest, user: User | None, **rest: Any) -> None:
    if user is not None:
        note("signed out", request, account=user.pk)


@receiver(post_save, sender=User, dispatch_uid="courseware.note_account_made")
def _note_made(instance: User, created: bool, **rest: Any) -> None:
    if created:
        note("account made", account=instance.pk, is_staff=instance.is_staff)


@receiver(post_delete, sender=User, dispatch_uid="courseware.note_account_deleted")
def _note_deleted(instance: User, **rest: Any) -> None:
    note("account deleted", account=instance.pk)
