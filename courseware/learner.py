"""Learner identity: an opaque id, made with the session at page load.

A socket cannot set a cookie, so the page that opens it does; what is kept of whom, and
from when on, courseware.sessions says. Everything a learner
owns (conversations, requests) hangs on this id, never on the session key, so that it
survives sign-up and can be deleted in one go.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.signals import user_logged_in
from django.db import OperationalError, transaction
from django.dispatch import Signal, receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from courseware import progress
from courseware.counting import count_this_minute
from courseware.models import Learner, User
from courseware.sessions import BEGAN_KEY, LEARNER_KEY, is_reader, is_to_renew
from courseware.sockets import address_of_request, network_of

SESSION_KEY = LEARNER_KEY
SEEN_KEY = "learner_seen_s"
SEEN_EVERY_S = 3600
PATHS_WITHOUT_LEARNER = ("/healthz", "/readyz", "/metrics", "/static/", "/admin/")
BOTS = re.compile(r"bot\b|crawl|spider|slurp|monitor|curl/|wget/|python-", re.I)

forget = Signal()
"""Sent with ``learner_id``: every app deletes what it keeps about that learner."""
carry = Signal()
"""Sent with ``learner_id`` and ``into``: every app moves its rows to the second id."""


class LearnerMiddleware:
    """Sets ``request.learner_id``: a str, or None where nobody reads (health, bots)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.learner_id = _identify(request)  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        """After a form's token was checked: what a stranger sends keeps nothing."""
        learner_id = request.learner_id  # type: ignore[attr-defined]
        if learner_id is None or _only_reads(request):
            return
        try:
            _note_seen(request, learner_id)
        except OperationalError:  # a full disk is no reason to refuse a page
            if request.method not in ("GET", "HEAD"):
                raise


def learner_id_of(scope_or_session: Mapping[str, Any] | Any) -> str | None:
    """The learner id in a socket's scope or in a session; None if there is none."""
    session = scope_or_session
    if isinstance(scope_or_session, Mapping):
        session = scope_or_session.get("session", scope_or_session)
    learner_id = session.get(SESSION_KEY)
    return learner_id if isinstance(learner_id, str) and learner_id else None


def forget_learner(learner_id: str) -> None:
    """Every app deletes what it keeps, then the learner goes; safe to repeat.

    All receivers run. If one fails its error is raised and the learner's row stays,
    so that the next expiry tries again.
    """
    outcomes = forget.send_robust(sender=Learner, learner_id=learner_id)
    for _, outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    Learner.objects.filter(learner_id=learner_id).delete()


@receiver(user_logged_in, dispatch_uid="courseware.adopt")
def adopt(request: HttpRequest, user: User, **rest: Any) -> None:
    """Who signs in goes on as the learner of the account.

    The first time that is who they were before. Later, what they did anonymously in
    this browser is carried over, unless it is somebody else's account.
    """
    session = request.session
    here = learner_id_of(session)
    found = Learner.objects.filter(learner_id=here).first() if here else None
    own = Learner.objects.filter(user=user).first()
    if own is None:
        if here is None or (found is not None and found.user_id is not None):
            here = uuid.uuid4().hex
        own, _ = Learner.objects.update_or_create(
            learner_id=here, defaults={"user": user}
        )
    elif here not in (None, own.learner_id) and not (found and found.user_id):
        _carry_over(str(here), own.learner_id)
    session[SESSION_KEY] = own.learner_id
    session[BEGAN_KEY] = timezone.now().timestamp()
    session.pop(SEEN_KEY, None)
    request.learner_id = own.learner_id  # type: ignore[attr-defined]


@transaction.atomic
def _carry_over(learner_id: str, into: str) -> None:
    progress.move(learner_id, into)
    carry.send(sender=Learner, learner_id=learner_id, into=into)
    Learner.objects.filter(learner_id=learner_id).delete()


def _identify(request: HttpRequest) -> str | None:
    if request.path.startswith(PATHS_WITHOUT_LEARNER):
        return None
    if auth.SESSION_KEY in request.session and not request.user.is_authenticated:
        # Signed out elsewhere, or the account is gone: it is nobody's session now.
        request.session.flush()
    elif request.user.is_authenticated:
        request.session.setdefault(BEGAN_KEY, timezone.now().timestamp())
    learner_id = learner_id_of(request.session)
    if learner_id is None:
        if request.method != "GET" or BOTS.search(
            request.headers.get("User-Agent", "")
        ):
            return None
        if not _has_room(request):
            return None
        learner_id = request.session[SESSION_KEY] = uuid.uuid4().hex
        return learner_id
    if is_reader(request.session.session_key):
        _note_back(learner_id)
        if is_to_renew(request.session.session_key):
            request.session.modified = True
    return learner_id


def _only_reads(request: HttpRequest) -> bool:
    """Whether nothing is to be kept of the reader yet."""
    key = request.session.session_key
    return request.method in ("GET", "HEAD") and (key is None or is_reader(key))


def note_learner(learner_id: str) -> None:
    """From now on something is kept of this learner."""
    now = timezone.now()
    Learner.objects.get_or_create(
        learner_id=learner_id, defaults={"last_seen_at": now, "created_at": now}
    )


def _note_back(learner_id: str) -> None:
    """Of a reader of whom something is kept by a socket alone."""
    before = timezone.now() - timedelta(seconds=SEEN_EVERY_S)
    known = Learner.objects.filter(learner_id=learner_id, last_seen_at__lt=before)
    if known.exists():
        with suppress(OperationalError):
            known.update(last_seen_at=timezone.now())


def _has_room(request: HttpRequest) -> bool:
    """Whether the address may make one more learner this minute. Who has none reads
    all the same; nothing is kept, and the next page load asks again."""
    address = network_of(address_of_request(request))
    made = count_this_minute("visitors", address) if address else 0
    return made <= settings.LIMITS.visitors_address


def _note_seen(request: HttpRequest, learner_id: str) -> None:
    """Keep ``last_seen_at`` true to the hour: one write per learner and hour."""
    now_s = int(time.time())
    if now_s - request.session.get(SEEN_KEY, 0) < SEEN_EVERY_S:
        return
    now = timezone.now()
    Learner.objects.update_or_create(
        learner_id=learner_id,
        defaults={"last_seen_at": now},
        create_defaults={"last_seen_at": now, "created_at": now},
    )
    request.session[SEEN_KEY] = now_s
