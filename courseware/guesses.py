"""Wrong passwords are counted, and make whoever guesses wait; nobody else.

Counted are the account as sign-in reads it, whatever its spelling, and the address that
a trusted proxy saw:

    account + address     a guesser, slowed down after a few
    account               many guessers of one account, after many more
    address               one guesser of many accounts, after more than a class needs

A device that has signed in to the account before, or has set its password by letter,
has a counter of its own: what others guess does not keep it out, and it can guess no
more than they. (OWASP's "device cookies".) A guess is counted before the password is
looked at, so that many at once are no way round, and taken back when it was right.
"""

import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from axes.handlers.base import AxesHandler
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare, salted_hmac

from courseware.counting import (
    count_within,
    make_wait,
    seconds_to_wait,
    uncount,
)
from courseware.models import User, account_name
from courseware.security_log import hash_of, note
from courseware.sockets import address_of_request, network_of

COOKIE = "known_device"
KNOWN_FOR_S = 365 * 86_400
PASSWORDS, CODES = "guesses", "codes"
"""What is guessed: a password, by anybody; the code of a second factor, by who knows
the password. No address is counted for codes: who knows one password guesses no other
account's code, and would hold up a class."""
MOST_ACCOUNTS = 5
"""That one device is known to; the longest unused is forgotten first."""
REMEMBERED_S = 86_400
"""How long a wrong password counts."""
FIRST_WAIT_S, LONGEST_WAIT_S = 30, 900


@dataclass(frozen=True)
class Counter:
    """One of those that a guess is counted in."""

    what: str
    who: str
    free: int
    """Wrong ones without a wait."""
    is_ones_own: bool
    """Forgotten with the right password; the others only lose that one."""

    @property
    def wait_s(self) -> float:
        """What is left to wait."""
        return seconds_to_wait(self.what, self.who)

    def count(self) -> bool:
        """One more; from ``free`` on each makes the wait twice as long. False where a
        code cannot be counted by all processes together."""
        alone = not self.what.startswith(CODES)
        number = count_within(self.what, self.who, REMEMBERED_S, alone=alone)
        if number >= self.free:
            wait_s = FIRST_WAIT_S * 2 ** min(number - self.free, 10)
            make_wait(self.what, self.who, min(wait_s, LONGEST_WAIT_S))
        return number > 0

    def take_back(self) -> None:
        """The password was right."""
        if self.is_ones_own:
            uncount(self.what, self.who)
        else:
            count_within(self.what, self.who, REMEMBERED_S, by=-1)


def account_of(credentials: Mapping[str, Any] | None) -> str:
    """The address as sign-in looks it up, whatever the spelling."""
    return account_name(str((credentials or {}).get("username") or ""))


def counters_of(
    request: HttpRequest, account: str, kind: str = PASSWORDS
) -> Iterator[Counter]:
    """Those that a guess of this request for this account counts in."""
    limits = settings.LIMITS
    if device := _known_device(request, account):
        yield Counter(f"{kind}-device", f"{account} {device}", limits.guesses, True)
        return
    address = network_of(address_of_request(request))
    yield Counter(kind, f"{account} {address}", limits.guesses, True)
    yield Counter(f"{kind}-account", account, limits.guesses_account, False)
    if address and kind == PASSWORDS:
        yield Counter(f"{kind}-address", address, limits.guesses_address, False)


def take_back(request: HttpRequest, account: str, kind: str = PASSWORDS) -> None:
    """It was no guess."""
    for counter in counters_of(request, account, kind):
        counter.take_back()


def knows_password(request: HttpRequest, user: User, typed: str | None = None) -> bool:
    """Whether what was typed, or a form's ``password``, is theirs; counted as signing
    in is: who finds an open browser does not guess here."""
    password = request.POST.get("password", "") if typed is None else typed
    if authenticate(request, username=user.email, password=password) != user:
        return False
    take_back(request, user.email)
    return True


class GuessHandler(AxesHandler):  # type: ignore[misc]
    """What django-axes asks and tells around each sign-in (AXES_HANDLER)."""

    def is_allowed(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> bool:
        """Whether the password is looked at; the guess is counted then."""
        counters = list(counters_of(request, account_of(credentials)))
        if any(counter.wait_s for counter in counters):
            return False
        for counter in counters:
            counter.count()
        return True

    def get_failures(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        """Not asked: is_allowed decides."""
        return 0

    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        """Note it, and say so where the next one has to wait."""
        note("wrong password", request, tried=hash_of(account_of(credentials)))
        if request is None:
            return
        waits = [c.wait_s for c in counters_of(request, account_of(credentials))]
        if any(waits):
            request.axes_locked_out = True  # type: ignore[attr-defined]
            request.axes_credentials = credentials  # type: ignore[attr-defined]

    def user_logged_in(
        self, sender: Any, request: HttpRequest, user: User, **kwargs: Any
    ) -> None:
        """It was no guess."""
        if request.method == "POST" and "password" in request.POST:
            take_back(request, user.email)


def refuse(
    request: HttpRequest, credentials: Mapping[str, Any] | None = None
) -> HttpResponse:
    """The page for who has to wait (AXES_LOCKOUT_CALLABLE)."""
    return wait(request, account_of(credentials), PASSWORDS)


def wait(request: HttpRequest, account: str, kind: str) -> HttpResponse:
    """The same, of what was guessed too often."""
    wait_s = max((c.wait_s for c in counters_of(request, account, kind)), default=0.0)
    minutes = max(1, math.ceil(wait_s / 60))
    note("held up", request, tried=hash_of(account), kind=kind)
    context = {"minutes": minutes, "is_code": kind == CODES}
    response = render(request, "courseware/locked.html", context, status=429)
    response.headers["Retry-After"] = str(math.ceil(wait_s))
    return response


# Known devices


class KnownDeviceMiddleware:
    """Gives a device that has just signed in its cookie."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        account = getattr(request, "known_from_now", "")
        if account:
            response.set_cookie(
                _cookie_name(),
                signing.dumps(_known_with(request, account), salt=COOKIE),
                max_age=KNOWN_FOR_S,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


@receiver(user_logged_in, dispatch_uid="courseware.know_device")
def know_device(request: HttpRequest, user: User, **rest: Any) -> None:
    """From the next answer on the account knows this device."""
    request.known_from_now = user.email  # type: ignore[attr-defined]


def _known_device(request: HttpRequest, account: str) -> str:
    """The name of the device, where the account knows it; else ""."""
    wanted = _hash(account)
    found = (one for one in _known(request) if constant_time_compare(one[0], wanted))
    return next((device for _, device in found), "")


def _known_with(request: HttpRequest, account: str) -> list[list[str]]:
    device = _known_device(request, account) or uuid.uuid4().hex
    others = [one for one in _known(request) if one[0] != _hash(account)]
    return [[_hash(account), device], *others][:MOST_ACCOUNTS]


def _known(request: HttpRequest) -> list[list[str]]:
    try:
        found = signing.loads(
            request.COOKIES.get(_cookie_name(), ""), salt=COOKIE, max_age=KNOWN_FOR_S
        )
    except signing.BadSignature:
        return []
    return list(found)


def _cookie_name() -> str:
    return f"{settings.COOKIE_PREFIX}{COOKIE}"


def _hash(account: str) -> str:
    made = salted_hmac("courseware.known-device", account, algorithm="sha256")
    return made.hexdigest()[:32]
