"""Sockets of learners end with what they belong to: sign-out, and deletion.

A socket outlives the page load that knew who reads. So every consumer that carries
something personal is a LearnerSocket: it stands at the door of its process until its
session ends or its learner is forgotten, and is closed then.

    sign-out, forget ── one group of the channel layer ──► door of each process ─► close

A message may be lost: the door also looks up its sessions, learners and accounts every
LOOK_S, and a consumer asks is_over() before it obeys. A session that a new password, a
disabled account or the owner elsewhere has ended opens no socket and keeps none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from courseware.learner import forget, learner_id_of, note_learner
from courseware.models import Learner, User
from courseware.security_log import note_refusal
from courseware.sessions import is_reader
from courseware.sockets import NO_LEARNER
from courseware.threads import in_database

logger = logging.getLogger(__name__)

GROUP = "courseware.door"
LOOK_S = 5.0
"""How often a door looks for sessions and learners that went without a message."""
AGAIN_S = 5.0
"""Before a door listens anew to a broker that was away."""


class LearnerSocket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """A consumer whose socket is one learner's, for as long as their session lasts."""

    learner_id: str = ""
    session_key: str = ""
    """"" where the session is kept nowhere."""
    is_known = False
    """Whether the learner had a row when the socket opened, or has got one since."""
    is_reader = False
    """Whether the session is a signed id alone: see courseware.sessions."""
    account: int | None = None
    """Of a session that is signed in; its seal (see sealed_by) stays as it was."""
    seal: str = ""
    _has_ended = False
    _noted: frozenset[str] = frozenset()
    """Reasons of refusals that the security log has."""

    async def admit(self) -> bool:
        """Accept, and close again where there is no learner; whether there is one."""
        learner_id = await in_database(self._identify)()
        await self.accept()
        if learner_id is None:
            # What it said at once waits already, and is obeyed as little.
            self.note_refusal("no session")
            await self.end()
            return False
        _door().let_in(self)
        return True

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand a message to its handler. Upstream closes old connections to the
        database before each, in a thread that it waits for; no socket here asks the
        database but by calls that see to that themselves."""
        await getattr(self, get_handler_name(message))(message)

    async def join(self, group: str) -> bool:
        """Hear a group; whether that is so now. A socket lives on while the broker is
        away: what it did not hear it finds in the database, and joins again."""
        return await self._try(self.channel_layer.group_add(group, self.channel_name))

    async def leave(self, group: str) -> None:
        """The opposite of join()."""
        await self._try(self.channel_layer.group_discard(group, self.channel_name))

    async def tell_group(self, group: str, message: dict[str, Any]) -> None:
        """Tell all who hear it, as far as the broker is there."""
        await self._try(self.channel_layer.group_send(group, message))

    async def _try(self, call: Awaitable[None]) -> bool:
        try:
            await call
        except Exception as error:  # the broker is away: any of its errors
            logger.warning("a socket's group is out of reach: %s", error)
            return False
        return True

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        """Leave the door, then what the consumer itself does."""
        _door().see_off(self)
        await super().websocket_disconnect(message)

    async def is_over(self) -> bool:
        """Whether the socket's time has ended; it is closed then."""
        if not self._has_ended and not await in_database(self._is_welcome)():
            await self.end()
        return self._has_ended

    def _is_welcome(self) -> bool:
        """Whether it may be obeyed; what a reader says first is what is kept first."""
        if ended([self]):
            return False
        if self.is_reader and not self.is_known:
            note_learner(self.learner_id)
            self.is_known = True
        return True

    def note_refusal(self, why: str) -> None:
        """Into the security log, once a socket and reason: who sends on and on does not
        fill the log."""
        if why not in self._noted:
            self._noted |= {why}
            note_refusal("socket refused", self.scope, why=why)

    async def end(self) -> None:
        """Whoever reads here now is somebody else: nothing more is sent."""
        _door().see_off(self)
        if not self._has_ended:
            await self.close(NO_LEARNER)
        self._has_ended = True

    async def send(self, *args: Any, **more: Any) -> None:
        """As any socket, until its time has ended."""
        if not self._has_ended:
            await super().send(*args, **more)

    def _identify(self) -> str | None:
        session = self.scope.get("session") or {}
        user = self.scope.get("user")
        if isinstance(user, User):
            self.account, self.seal = user.pk, sealed_by(user)
        elif session.get(SESSION_KEY):
            return None  # what was an account's is nobody's now
        learner_id = learner_id_of(self.scope)
        self.learner_id = learner_id or ""
        key = getattr(session, "session_key", None) or ""
        self.is_reader = is_reader(key)
        self.session_key = "" if self.is_reader else key
        self.is_known = Learner.objects.filter(learner_id=self.learner_id).exists()
        return learner_id


def sealed_by(user: User) -> str:
    """What a new password, or signing out everywhere, makes another."""
    return str(user.get_session_auth_hash())


def ended(sockets: Iterable[LearnerSocket]) -> list[LearnerSocket]:
    """Those whose session is over, whose learner or account is gone, disabled or has
    ended its sessions, and readers' whose learner an account has now; four queries at
    most for all of them."""
    asked = list(sockets)
    keys = {socket.session_key for socket in asked if socket.session_key}
    learners = {socket.learner_id for socket in asked if socket.is_known}
    readers = {socket.learner_id for socket in asked if socket.is_reader}
    lasting = {"expire_date__gt": timezone.now()}
    sessions = Session.objects.filter(session_key__in=keys, **lasting)
    keys -= set(sessions.values_list("session_key", flat=True))
    rows = Learner.objects.filter(learner_id__in=learners)
    learners -= set(rows.values_list("learner_id", flat=True))
    accounts = Learner.objects.filter(learner_id__in=readers, user__isnull=False)
    taken = set(accounts.values_list("learner_id", flat=True)) if readers else set()
    signed_in = {socket.account for socket in asked if socket.account}
    users = User.objects.filter(pk__in=signed_in, is_active=True) if signed_in else ()
    seals = {user.pk: sealed_by(user) for user in users}
    return [
        s
        for s in asked
        if s.session_key in keys
        or s.learner_id in learners
        or (s.is_reader and s.learner_id in taken)
        or (s.account and s.seal != seals.get(s.account))
    ]


class Door:
    """The open sockets of one process, with one ear and one look for all of them."""

    def __init__(self) -> None:
        self._sockets: set[LearnerSocket] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def let_in(self, socket: LearnerSocket) -> None:
        """The first one wakes the door."""
        self._sockets.add(socket)
        if not self._tasks:
            work = (self._listen(), self._look())
            self._tasks = [asyncio.create_task(one) for one in work]

    def see_off(self, socket: LearnerSocket) -> None:
        """With the last one the door sleeps. Idempotent."""
        self._sockets.discard(socket)
        if not self._sockets:
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            self._tasks = []

    async def _listen(self) -> None:
        while self._sockets:
            try:
                await self._hear(get_channel_layer())
            except Exception as error:  # the broker is away: any of its errors
                logger.warning("the door of the sockets hears nothing: %s", error)
                await asyncio.sleep(AGAIN_S)

    async def _hear(self, layer: Any) -> None:
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        try:
            while self._sockets:
                who = (await layer.receive(channel))["who"]
                await self._close(s for s in self._sockets if who in _names_of(s))
        finally:
            await layer.group_discard(GROUP, channel)

    async def _look(self) -> None:
        while self._sockets:
            await asyncio.sleep(LOOK_S)
            try:
                gone = await in_database(ended)(self._sockets.copy())
            except Exception as error:  # the database is away
                logger.warning("the door of the sockets sees nothing: %s", error)
            else:
                await self._close(gone)

    async def _close(self, some: Iterable[LearnerSocket]) -> None:
        for socket in list(some):
            try:
                await socket.end()
            except Exception as error:  # it has closed meanwhile
                logger.info("a socket was closed already: %s", error)


_doors: WeakKeyDictionary[asyncio.AbstractEventLoop, Door] = WeakKeyDictionary()


def _door() -> Door:
    """Of the running event loop (a server process has one)."""
    return _doors.setdefault(asyncio.get_running_loop(), Door())


def name_of(secret: str) -> str:
    """What stands for a session key or a learner id on the broker."""
    return sha256(secret.encode()).hexdigest()


def _names_of(socket: LearnerSocket) -> set[str]:
    return {name_of(key) for key in (socket.session_key, socket.learner_id) if key}


@receiver(user_logged_out, dispatch_uid="courseware.close_sockets_of_session")
def close_sockets_of_session(request: HttpRequest, **rest: Any) -> None:
    """The user of a session has signed out."""
    _tell(getattr(request.session, "session_key", None))


@receiver(forget, dispatch_uid="courseware.close_sockets_of_learner")
def close_sockets_of_learner(learner_id: str, **rest: Any) -> None:
    """A learner is forgotten: by wish, or after a long time."""
    _tell(learner_id)


def _tell(secret: str | None) -> None:
    """Tell the doors of all processes; where the broker is away, they look."""
    if secret:
        try:
            tell = async_to_sync(get_channel_layer().group_send)
            tell(GROUP, {"type": "door.close", "who": name_of(secret)})
        except Exception as error:  # the broker is away: any of its errors
            logger.warning("open sockets were not told of their end: %s", error)
