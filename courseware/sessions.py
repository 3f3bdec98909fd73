"""Sessions, kept from when there is something to keep.

A page gives its reader a learner id, because a socket cannot set a cookie. Who only
reads has nothing else: such a session is the signed id alone, in the cookie, and no row
anywhere. With the first form that is sent it gets a key and a row like any other, with
the first word on a socket its learner gets one. A crawler that takes no cookies, or
sends nothing, leaves nothing behind.

A signed id is good for the learner of nobody's account: signing in makes a session with
a row, and ends what the id was good for.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db
from django.core import signing
from django.utils import timezone

from courseware.models import Learner

LEARNER_KEY = "learner_id"
BEGAN_KEY = "signed_in_s"
"""When somebody signed in; such a session ends at last, whatever is visited."""
MARK = "v."
_SALT = "courseware.sessions"


def is_reader(session_key: str | None) -> bool:
    """Whether this key is a signed id, of which no row is kept."""
    return bool(session_key) and str(session_key).startswith(MARK)


def key_of_reader(learner_id: str) -> str:
    """The cookie of a learner of whom nothing else is kept."""
    return MARK + signing.TimestampSigner(salt=_SALT).sign(learner_id)


def reader_of(session_key: str | None) -> str | None:
    """The learner id of such a cookie; None where it is not ours, too old, or where an
    account has the learner."""
    if not session_key or not is_reader(session_key):
        return None
    learner_id = _signed(session_key, timedelta(days=settings.LEARNER_KEPT_DAYS))
    if learner_id is None:
        return None
    of_account = Learner.objects.filter(learner_id=learner_id, user__isnull=False)
    return None if of_account.exists() else learner_id


def is_to_renew(session_key: str | None) -> bool:
    """Whether a signed id is more than a day old: who comes back keeps it."""
    return is_reader(session_key) and not _signed(str(session_key), timedelta(days=1))


def _signed(session_key: str, max_age: timedelta) -> str | None:
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        return signer.unsign(session_key.removeprefix(MARK), max_age=max_age)
    except signing.BadSignature:
        return None


def _end_of(began_s: float) -> datetime:
    lasts = timedelta(days=settings.SESSION_LONGEST_DAYS)
    return datetime.fromtimestamp(began_s, tz=UTC) + lasts


class SessionStore(db.SessionStore):
    """Django's own in the database, but for readers; one that is signed in ends
    SESSION_LONGEST_DAYS after that at the latest."""

    def get_expiry_date(self, **kwargs: Any) -> Any:
        """Of its row."""
        date, began_s = super().get_expiry_date(**kwargs), self.get(BEGAN_KEY)
        return date if began_s is None else min(date, _end_of(began_s))

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Of its cookie, in seconds."""
        age_s, began_s = int(super().get_expiry_age(**kwargs)), self.get(BEGAN_KEY)
        if began_s is None:
            return age_s
        return min(age_s, int((_end_of(began_s) - timezone.now()).total_seconds()))

    def load(self) -> dict[str, Any]:
        """What the cookie says itself, or what the database has under its key."""
        if not is_reader(self.session_key):
            return dict(super().load())
        learner_id = reader_of(self.session_key)
        if learner_id is None:
            self._session_key = None
            return {}
        return {LEARNER_KEY: learner_id}

    def save(self, must_create: bool = False) -> None:
        """A row, unless it would hold a learner id alone."""
        if must_create:
            super().save(must_create)
            return
        data: dict[str, Any] = self._session  # type: ignore[attr-defined]
        is_new = self.session_key is None or is_reader(self.session_key)
        if is_new and set(data) == {LEARNER_KEY}:
            self._session_key = key_of_reader(data[LEARNER_KEY])
            return
        if is_new:
            self._session_key = None
        super().save()
