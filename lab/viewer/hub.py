"""The fan-out of one web process: one channel-layer subscription for all viewers.

    channel layer ──▶ Hub ──▶ Chain per engine host ◀── position ── Viewer ──▶ socket
                       └────▶ newest status and memory sample ────▶ Viewer

Each host has groups of its own, and a process joins those of the hosts that one of its
viewers follows; where one shows the others small, their keyframes too.

A Channels group per viewer costs ten times as much per delivery and queues without
bound (measured); here a slow viewer only has an old position, and skips to the
newest keyframe. Everything may be lost on the way (Channels drops over capacity,
Redis restarts): a gap in the frames asks the engine hosts for a keyframe.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Set
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings

from lab import client
from lab.messages import EngineStatus, keyframes_group, request_group
from lab.receipts.custody import custody
from lab.receipts.parts import notice
from lab.tracing.frame_counters import FrameCounters, counters_of
from lab.viewer.dealer import Dealer
from lab.viewer.formats import why_unreadable
from lab.viewer.mailbox import Chain, Viewer, Wire
from lab.viewer.shown import Shown
from lab.viewer.subscription import Subscription

logger = logging.getLogger(__name__)

STATUS_EVERY_S = 5.0
KEYFRAME_EVERY_S = 2.0
SILENT_HOST_S = 30.0
LINGER_S = 10.0
"""How long the last viewer's host is heard on: who goes from page to page is back soon,
and an idle engine would send the next keyframe only when asked."""
OVERVIEW_MARK = b"SVLO"
"""In front of a keyframe of a host that the viewer does not follow."""
NO_REDIS = (
    "The message broker (Redis) does not answer: the page works, but the engine "
    "cannot be seen or asked until it is back. This page tries again by itself."
)

ReadStatus = Callable[[], Awaitable[list[EngineStatus]]]
ReadNotice = Callable[[], Awaitable[str]]
AskKeyframe = Callable[[], Awaitable[None]]


async def _read_status() -> list[EngineStatus]:
    return await sync_to_async(client.statuses, thread_sensitive=False)()


async def _read_notice() -> str:
    def read() -> str:
        return notice(custody().parts(), settings.DATA_DIR)

    return await sync_to_async(read, thread_sensitive=False)()


async def _ask_keyframe() -> None:
    await sync_to_async(client.request_keyframe, thread_sensitive=False)()


class Hub:
    """Receives once per process, hands out to each viewer's mailbox."""

    def __init__(
        self,
        read_status: ReadStatus = _read_status,
        ask_keyframe: AskKeyframe = _ask_keyframe,
        read_notice: ReadNotice = _read_notice,
    ) -> None:
        self.chains: dict[str, Chain] = {}
        self.statuses: list[EngineStatus] = []
        self.trouble: str | None = None
        """A sentence while Redis does not answer."""
        self.notice = ""
        """A sentence while another part is not well."""
        self._unreadable: dict[str, str] = {}
        """Hosts whose frames are of another version's format; why, in a sentence."""
        self._memory: dict[str, dict[str, Any]] = {}
        self._heard_at: dict[str, float] = {}
        self._viewers: set[Viewer] = set()
        self._dealer = Dealer(self._viewers)
        self._watchers: dict[str, set[Viewer]] = {}
        self._shown = Shown()
        self._subscription = Subscription(self.take, self._note_heard)
        self._tasks: list[asyncio.Task[None]] = []
        self._read_status = read_status
        self._ask_keyframe = ask_keyframe
        self._read_notice = read_notice
        self._keyframe_task: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")
        self._num_lingering = 0

    # Viewers

    async def join(self, wire: Wire | None = None) -> Viewer:
        """A new viewer, with hello, a chain to follow and its host's memory sample;
        ``wire`` is its connection where the dealer may write to it."""
        viewer = Viewer(wire, self._dealer.wake)
        self._viewers.add(viewer)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._subscription.run()),
                asyncio.create_task(self._subscription.follow_wishes()),
                asyncio.create_task(self._refresh_for_ever()),
                asyncio.create_task(self._dealer.run()),
            ]
        await self._refresh()
        viewer.post("hello", self.hello())
        self._place(viewer)
        self._heal()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer; with the last one the subscription ends, in LINGER_S."""
        if viewer not in self._viewers:
            return
        self._viewers.discard(viewer)
        for request_id in list(viewer.request_ids):
            self.unwatch(viewer, request_id)
        self._shown.num_overviews -= viewer.sees_all
        for engine_host_id in filter(None, (viewer.engine_host_id, *viewer.held)):
            self._shown.remove(engine_host_id)
        viewer.held.clear()
        if not self._viewers and viewer.engine_host_id is not None:
            self._linger(viewer.engine_host_id)
        self._want()
        self._close_if_left()

    def _linger(self, engine_host_id: str) -> None:
        self._num_lingering += 1
        self._shown.add(engine_host_id)

        def end() -> None:
            self._num_lingering -= 1
            self._shown.remove(engine_host_id)
            self._want()
            self._close_if_left()

        asyncio.get_running_loop().call_later(LINGER_S, end)

    def _close_if_left(self) -> None:
        if not self._viewers and not self._num_lingering:
            self.close()

    def close(self) -> None:
        """Stop receiving. Chains would grow stale: the next viewer starts anew."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._subscription.end()
        self._subscription.want(())
        self.chains.clear()
        self._memory.clear()
        self._shown.owed.clear()
        self._unreadable.clear()

    @property
    def num_viewers(self) -> int:
        """Viewers that have joined and not left."""
        return len(self._viewers)

    def follow(self, viewer: Viewer, engine_host_id: str) -> bool:
        """Let the viewer see this host from its keyframe on; False if unknown."""
        known = {status.engine_host_id for status in self.statuses} | set(self.chains)
        if engine_host_id not in known:
            return False
        viewer.has_chosen = True
        self._show(viewer, engine_host_id)
        self._heal()
        return True

    def hold(self, viewer: Viewer, engine_host_id: str) -> None:
        """Hear this host on, whatever the viewer follows meanwhile (experiments)."""
        viewer.held.append(engine_host_id)
        self._shown.add(engine_host_id)
        self._want()

    def release(self, viewer: Viewer, engine_host_id: str) -> None:
        """The opposite of hold(); nothing where the viewer has left."""
        if engine_host_id in viewer.held:
            viewer.held.remove(engine_host_id)
            self._shown.remove(engine_host_id)
            self._want()

    def _show(self, viewer: Viewer, engine_host_id: str) -> None:
        if viewer.engine_host_id != engine_host_id:
            if viewer.engine_host_id is not None:
                self._shown.remove(viewer.engine_host_id)
            self._shown.add(engine_host_id)
            self._want()
        viewer.follow(engine_host_id, self._chain(engine_host_id))
        if engine_host_id in self._memory:
            viewer.post("memory", self._memory[engine_host_id])

    def show_all(self, viewer: Viewer) -> None:
        """Let the viewer see the keyframes of all other hosts, from the newest on."""
        self._shown.num_overviews += not viewer.sees_all
        viewer.sees_all = True
        self._want()
        for engine_host_id, chain in self.chains.items():
            if not chain.is_broken:
                self._post_overview(viewer, engine_host_id, chain.frames[0])

    def _post_overview(self, viewer: Viewer, host: str, keyframe: bytes) -> None:
        if viewer.sees_all and viewer.engine_host_id != host:
            viewer.post(f"keyframe {host}", OVERVIEW_MARK + keyframe)

    def status_of(self, viewer: Viewer) -> EngineStatus | None:
        """The status of the host that the viewer follows."""
        return next(
            (s for s in self.statuses if s.engine_host_id == viewer.engine_host_id),
            None,
        )

    def knows(self, engine_host_id: str) -> bool:
        """Whether this host's heartbeat has not expired."""
        return any(s.engine_host_id == engine_host_id for s in self.statuses)

    def counters_of(self, engine_host_id: str) -> FrameCounters | None:
        """The counters of a host's newest frame; None before one."""
        chain = self.chains.get(engine_host_id)
        return counters_of(chain.frames[-1]) if chain and chain.frames else None

    def frames_of(self, engine_host_id: str) -> list[bytes]:
        """A host's newest keyframe and every delta since; empty before one."""
        chain = self.chains.get(engine_host_id)
        return list(chain.frames) if chain else []

    def resync(self, viewer: Viewer) -> None:
        """The viewer lost a frame: hand it the chain again."""
        if viewer.engine_host_id is not None:
            viewer.follow(viewer.engine_host_id, self._chain(viewer.engine_host_id))
        self._heal()

    async def watch(self, viewer: Viewer, request_id: str) -> None:
        """Bring this request's events to the viewer. Check ownership first."""
        viewer.request_ids.add(request_id)
        self._watchers.setdefault(request_id, set()).add(viewer)
        await self._subscription.join(request_group(request_id))

    def unwatch(self, viewer: Viewer, request_id: str) -> None:
        """The opposite of watch()."""
        viewer.request_ids.discard(request_id)
        watchers = self._watchers.get(request_id, set())
        watchers.discard(viewer)
        if not watchers:
            self._watchers.pop(request_id, None)
            self._subscription.leave(request_group(request_id))

    def hello(self) -> dict[str, Any]:
        """All hosts as they are, and what is wrong if something is."""
        return {
            "type": "hello",
            "hosts": [self._status_message(status) for status in self.statuses],
            "trouble": self.trouble or self.notice or None,
        }

    def _status_message(self, status: EngineStatus) -> dict[str, Any]:
        unreadable = self._unreadable.get(status.engine_host_id, "")
        return {**status.message(), "unreadable": unreadable}

    # What is heard

    @property
    def _known(self) -> list[str]:
        return [status.engine_host_id for status in self.statuses]

    def _want(self) -> None:
        """Hear what is shown, and keep nothing of what is not."""
        self._subscription.want(self._shown.groups(self._known))
        for host in set(self._memory) - self._shown.large:
            del self._memory[host]
        for host in [one for one in self.chains if not self._shown.is_shown(one)]:
            del self.chains[host]
        self._shown.owed &= {*self._shown.large, *self.chains}

    def _note_heard(self, groups: Set[str]) -> None:
        self._shown.note_heard(groups, self._known)
        self._heal()

    # Messages

    def take(self, message: dict[str, Any]) -> None:
        """One message of the channel layer; an unknown type is left out."""
        match message.get("type"):
            case "lab.frame":
                self._take_frame(message)
            case "engine.status":
                self._take_status(message)
            case "memory.sample":
                self._memory[message["engine_host_id"]] = message
                for viewer in self._viewers:
                    if viewer.engine_host_id == message["engine_host_id"]:
                        viewer.post("memory", message)
            case "class.run":
                self._post_all("class run", message)
            case "request.event":
                for viewer in self._watchers.get(message["request_id"], ()):
                    viewer.tell(f"request {message['request_id']}", message)

    def _take_frame(self, message: dict[str, Any]) -> None:
        engine_host_id = message["engine_host_id"]
        self._heard_at[engine_host_id] = time.monotonic()
        if not self._is_readable(engine_host_id, message["frame"]):
            return
        is_new = engine_host_id not in self.chains
        if message["is_keyframe"]:
            self._shown.owed.discard(engine_host_id)
        chain = self._chain(engine_host_id)
        chain.add(
            message["engine_run"],
            message["seq"],
            message["is_keyframe"],
            message["frame"],
        )
        for viewer in self._viewers:
            if message["is_keyframe"]:
                self._post_overview(viewer, engine_host_id, message["frame"])
            if viewer.engine_host_id == engine_host_id:
                viewer.wake()
            elif is_new:
                self._place(viewer)
        if chain.is_broken:
            self._heal()

    def _is_readable(self, engine_host_id: str, frame: bytes) -> bool:
        """Whether this version's pages read it; what has changed in that is told."""
        sentence = why_unreadable(frame)
        if sentence != self._unreadable.get(engine_host_id, ""):
            logger.warning("engine host %s: %s", engine_host_id, sentence or "readable")
            self._unreadable[engine_host_id] = sentence
            for status in self.statuses:
                if status.engine_host_id == engine_host_id:
                    self._post_status(status)
        return not sentence

    def _post_status(self, status: EngineStatus) -> None:
        key = f"status {status.engine_host_id}"
        self._post_all(key, self._status_message(status))

    def _take_status(self, message: dict[str, Any]) -> None:
        status = EngineStatus.from_json(message)
        others = [s for s in self.statuses if s.engine_host_id != status.engine_host_id]
        is_new = len(others) == len(self.statuses)
        self.statuses = sorted([*others, status], key=EngineStatus.rank)
        if is_new:
            self._want()
        self._post_status(status)
        for viewer in self._viewers:
            self._place(viewer)

    def _post_all(self, key: str, message: dict[str, Any]) -> None:
        for viewer in self._viewers:
            viewer.post(key, message)

    def _place(self, viewer: Viewer) -> None:
        """Give a viewer that follows nobody the first host there is, rather one whose
        blocks are seen."""
        known = {status.engine_host_id for status in self.statuses} | set(self.chains)
        if viewer.engine_host_id in known:
            return
        seen = (s for s in self.statuses if s.state == "ready" and not s.by_address)
        first = next(seen, next(iter(self.statuses), None))
        host = first.engine_host_id if first else min(known, default=None)
        if host is not None:
            self._show(viewer, host)

    def _chain(self, engine_host_id: str) -> Chain:
        return self.chains.setdefault(engine_host_id, Chain())

    # Healing

    def _heal(self) -> None:
        """Ask for a keyframe while a viewer has none, not too often."""
        is_asking = self._keyframe_task is not None and not self._keyframe_task.done()
        if is_asking or not self._subscription.is_on or self.trouble is not None:
            return
        if self._is_keyframe_missing():
            self._keyframe_task = asyncio.create_task(self._ask_for_keyframe())

    def _is_keyframe_missing(self) -> bool:
        """Whether somebody waits for a keyframe that an engine could send."""
        silent = {s.engine_host_id for s in self.statuses if s.state != "ready"}
        silent |= {host for host, why in self._unreadable.items() if why}
        starved = {v.engine_host_id for v in self._viewers if v.is_starved}
        return any(
            host is not None and self._subscription.hears(keyframes_group(host))
            for host in (starved | self._shown.owed) - silent
        )

    async def _ask_for_keyframe(self) -> None:
        wait_s = self._asked_at + KEYFRAME_EVERY_S - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
            if not self._is_keyframe_missing():
                return
        self._asked_at = time.monotonic()
        try:
            await self._ask_keyframe()
        except Exception as error:  # the broker may be any library's error
            logger.warning("No keyframe could be asked for: %s", error)

    async def _refresh(self) -> None:
        """Read the hosts' heartbeats; they also tell whether Redis answers."""
        try:
            statuses, trouble = await self._read_status(), None
        except Exception as error:  # redis-py, sockets, time-outs: all mean the same
            logger.warning("The engine hosts' status cannot be read: %s", error)
            statuses, trouble = self.statuses, NO_REDIS
        before = [(s.engine_host_id, s.state, s.engine_run) for s in self.statuses]
        after = [(s.engine_host_id, s.state, s.engine_run) for s in statuses]
        said = "" if trouble else await self._look_at_parts()
        has_changed = before != after or (trouble, said) != (self.trouble, self.notice)
        if trouble is None:
            await self._subscription.join_again()
        self.statuses, self.trouble, self.notice = statuses, trouble, said
        self._forget_silent_hosts()
        self._want()
        if has_changed:
            self._post_all("hello", self.hello())
            for viewer in self._viewers:
                self._place(viewer)

    async def _look_at_parts(self) -> str:
        try:
            return await self._read_notice()
        except Exception as error:  # as above: the next time it may be told
            logger.warning("The parts cannot be read: %s", error)
            return ""

    def _forget_silent_hosts(self) -> None:
        now = time.monotonic()
        known = {status.engine_host_id for status in self.statuses}
        for engine_host_id in {*self.chains, *self._heard_at} - known:
            if now - self._heard_at.get(engine_host_id, now) > SILENT_HOST_S:
                for kept in (
                    self.chains,
                    self._memory,
                    self._heard_at,
                    self._unreadable,
                ):
                    kept.pop(engine_host_id, None)

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            await self._refresh()
            self._heal()


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub_of_process() -> Hub:
    """The hub of the running event loop (a server process has one)."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def num_viewers_of_process() -> int:
    """Viewers of all event loops of this process; from any thread."""
    return sum(one.num_viewers for one in list(_hubs.values()))
