"""The viewer's socket: frames and figures out, a few small commands in."""

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from courseware.door import LearnerSocket
from courseware.factors import acts_as_staff
from courseware.sockets import TokenBucket, address_of_socket
from courseware.threads import in_database
from lab import client
from lab.errors import EngineError, EngineUnavailable, LimitExceeded, NotYours
from lab.experiments import class_run
from lab.experiments.bench import Bench, Chat, RunRefused, TokenCounts
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.chosen import BadChoice, chosen_of
from lab.experiments.conduct import Conduct, engine_facts
from lab.experiments.outcome import Outcome
from lab.experiments.presentation import unable
from lab.experiments.staff import PAUSED, are_launches_paused
from lab.messages import LAB_GROUP, EngineStatus, Generation
from lab.models import EngineRequest, ExperimentRun, max_unfinished
from lab.receipts.holding import held
from lab.traffic import demos
from lab.traffic.demo_run import DemoRun
from lab.traffic.under_way import Submit
from lab.viewer.cache import cache_message
from lab.viewer.commands import (
    COMMANDS_AT_ONCE,
    COMMANDS_PER_S,
    Command,
    CommandRefused,
    parse,
)
from lab.viewer.hub import NO_REDIS, hub_of_process
from lab.viewer.lost_ends import LostEnds
from lab.viewer.why import why_message

logger = logging.getLogger(__name__)

MAX_WATCHED = 128
FIRST_FRAME_LOOKS, FIRST_FRAME_LOOK_S = 50, 0.1
WIRE = "servelab.wire"
"""The extension of config/wire.py; servers without it send by a task a viewer."""
TOO_MANY = "Too many commands at once: the last ones were left out."
LEFT = "The page was left, so the run was stopped."
NOT_STAFF = "Only course staff start an experiment for all."
NOT_STOPPED = "The engine could not be told to stop: it is told again in a moment."
NOT_SENT = "The request could not be handed to the engine. Please try again."


class LabConsumer(LearnerSocket):
    """One browser. Everything it gets comes through the hub's mailbox."""

    channel_layer_alias = "none: the hub subscribes once for the whole process"

    async def connect(self) -> None:
        """Refused without a learner id, which the page's session brings."""
        if not await self.admit():
            return
        self.allowance = TokenBucket(COMMANDS_PER_S, COMMANDS_AT_ONCE)
        self.run: DemoRun | None = None
        self.conduct: Conduct | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        wire = self.scope.get("extensions", {}).get(WIRE)
        self.viewer = await hub_of_process().join(wire)
        for request_id in await database_sync_to_async(self._own_requests)():
            await hub_of_process().watch(self.viewer, request_id)
        self.ends = LostEnds(self.viewer.request_ids, self._request_event)
        self._start(self._pump())
        self._start(self.ends.look_for_ever())

    def _own_requests(self) -> list[str]:
        """The learner's requests under way, after a reload."""
        unfinished = EngineRequest.unfinished().filter(learner_id=self.learner_id)
        return list(unfinished.values_list("request_id", flat=True)[:MAX_WATCHED])

    async def disconnect(self, code: int) -> None:
        """The viewer's place goes; its demonstration's requests are aborted."""
        if not hasattr(self, "viewer"):
            return
        left = self.conduct if self.conduct and self.conduct.is_running else None
        for task in self.tasks:
            task.cancel()
        hub_of_process().leave(self.viewer)
        if left is not None:
            await self._abandon(left)
        for request_id in self.run.open_request_ids if self.run else ():
            await self._abort(request_id)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """One command; whatever is wrong with it is answered by one sentence."""
        if not hasattr(self, "viewer") or await self.is_over():
            return
        try:
            if not self.allowance.take():
                raise CommandRefused(TOO_MANY)
            command = parse(text_data)
            if command.kind == "ping":
                await self._tell({"type": "pong"})
            else:
                await self._obey(command)
        except (
            CommandRefused,
            EngineError,
            demos.DemoRefused,
            BadChoice,
            RunRefused,
        ) as error:
            if isinstance(error, CommandRefused | LimitExceeded | NotYours):
                self.note_refusal(type(error).__name__)
            await self._tell({"type": "error", "sentence": str(error)})
        except Exception:  # the broker's or the database's: the socket lives on
            logger.exception("A command of the lab's socket failed")
            await self._tell({"type": "error", "sentence": NOT_SENT})

    def _look_at(self, command: Command) -> None:
        """What this viewer is sent."""
        match command.kind:
            case "resync":
                hub_of_process().resync(self.viewer)
            case "follow":
                if not hub_of_process().follow(self.viewer, command.argument):
                    raise CommandRefused(f"No engine host {command.argument} is known.")
            case "overview":
                hub_of_process().show_all(self.viewer)

    async def _obey(self, command: Command) -> None:
        self._look_at(command)
        match command.kind:
            case "demo":
                self._start(await self._demo(command.argument))
            case "experiment":
                self._start(await self._experiment(command.argument, command.for_all))
            case "end":
                if self.conduct is not None:
                    self.conduct.stop()
            case "cache":
                self._start(self._cache())
            case "why":
                self._start(self._why(int(command.argument)))
            case "timeline" | "heat":
                self._start(self._show(command.kind, int(command.argument or 0)))
            case "stop":
                await self._stop()

    async def _stop(self) -> None:
        """The demonstration, and what is under way of the learner's; may come again."""
        if self.run is not None:
            self.run.stop()
        try:
            for request_id in list(self.viewer.request_ids):
                with suppress(NotYours):  # forgotten meanwhile
                    await database_sync_to_async(client.abort)(
                        request_id, self.learner_id
                    )
        except client.NOT_SENT as error:
            raise EngineUnavailable(NOT_STOPPED) from error

    async def _demo(self, name: str) -> Any:
        await self._check_may_launch()
        if name not in demos.DEMOS:
            raise CommandRefused(f"There is no demonstration {name}.")
        status = self._engine()
        room = demos.Room.of(status, max_unfinished("demo"))
        waves = demos.DEMOS[name].plan(room, uuid.uuid4().hex[:6])
        self.run = DemoRun(demos.DEMOS[name], waves, self._submit_demo)
        return self.run.run(self._tell)

    async def _experiment(self, query: str, for_all: bool = False) -> Any:
        if for_all and not await self._is_staff():
            raise CommandRefused(NOT_STAFF)
        await self._check_may_launch()
        chosen = chosen_of(query, EXPERIMENTS)
        status = self._asked_engine()
        if why := unable(chosen.experiment, status):
            raise RunRefused(why)
        run_id = uuid.uuid4().hex

        async def keep(outcome: Outcome) -> None:
            await database_sync_to_async(ExperimentRun.keep)(run_id, outcome.to_json())

        async def tell(message: dict[str, Any]) -> None:
            await self._tell(message)
            if for_all:
                await self._tell_all(run_id, message)

        def here() -> str:
            return bench.status.engine_host_id

        bench = Bench(
            status,
            learner_id=self.learner_id,
            nonce=run_id[:6],
            max_requests=max_unfinished("experiment"),
            submit=self._submitter_to(here),
            abort=self._abort,
            count=self._counter_at(here),
            counters=lambda: hub_of_process().counters_of(here()),
            frames=lambda: hub_of_process().frames_of(here()),
            tell=tell,
            keep=keep,
            hear=self._hearing_first,
        )
        await database_sync_to_async(ExperimentRun.begin)(
            self.learner_id,
            run_id=run_id,
            experiment=chosen.experiment.id,
            values=dict(chosen.values),
            prediction=chosen.prediction,
            engine=engine_facts(status),
        )
        if for_all:
            await sync_to_async(class_run.announce)(run_id)

        async def end(state: str, sentence: str, outcome: Outcome | None) -> None:
            kept = None if outcome is None else outcome.to_json()
            await database_sync_to_async(ExperimentRun.end)(
                run_id, state, sentence, kept
            )

        self.conduct = Conduct(
            chosen,
            bench,
            run_id=run_id,
            end=end,
            tell=tell,
            is_alive=lambda: hub_of_process().knows(here()),
        )
        return self._conducted(self.conduct, status.engine_host_id)

    async def _conducted(self, conduct: Conduct, engine_host_id: str) -> None:
        async with self._hearing(engine_host_id), held("run", conduct.run_id):
            await conduct.run()

    @asynccontextmanager
    async def _hearing(self, engine_host_id: str) -> AsyncIterator[None]:
        """Its frames come even where the viewer follows another host meanwhile."""
        hub_of_process().hold(self.viewer, engine_host_id)
        try:
            yield
        finally:
            hub_of_process().release(self.viewer, engine_host_id)

    @asynccontextmanager
    async def _hearing_first(self, engine_host_id: str) -> AsyncIterator[None]:
        """The same for a host that was not heard before: its first frame is waited
        for, so that none of the run is missed."""
        async with self._hearing(engine_host_id):
            for _ in range(FIRST_FRAME_LOOKS):
                if hub_of_process().frames_of(engine_host_id):
                    break
                await asyncio.sleep(FIRST_FRAME_LOOK_S)
            yield

    async def _is_staff(self) -> bool:
        user = self.scope.get("user")
        return bool(
            getattr(user, "is_staff", False)
            and await in_database(acts_as_staff)(user, self.scope["session"])
        )

    async def _why(self, short_id: int) -> None:
        """What its engine host tells of it; nothing where it is silent."""
        status = hub_of_process().status_of(self.viewer)
        if status is None:
            return
        ask = database_sync_to_async(client.why, thread_sensitive=False)
        told = await ask(self.learner_id, status.engine_host_id, short_id)
        if told is not None:
            await self._tell(why_message(told, status, short_id))

    async def _cache(self) -> None:
        """What its host tells of the prefix cache; nothing where it is silent."""
        status = hub_of_process().status_of(self.viewer)
        if status is None:
            return
        ask = database_sync_to_async(client.look, thread_sensitive=False)
        state = await ask(self.learner_id, status.engine_host_id)
        if state is not None:
            caches = status.has_prefix_caching
            await self._tell(cache_message(state, has_prefix_caching=caches))

    async def _show(self, what: str, since: int) -> None:
        """Ids and counts of its host's traces; nothing where it is silent."""
        status = hub_of_process().status_of(self.viewer)
        if status is None:
            return
        ask = database_sync_to_async(client.show, thread_sensitive=False)
        told = await ask(status.engine_host_id, what, since)
        if told is not None:
            await self._tell(told)

    async def _check_may_launch(self) -> None:
        """One at a time, a demonstration or an experiment; none while staff pause."""
        is_paused = await sync_to_async(are_launches_paused)()
        if is_paused and not await self._is_staff():
            raise CommandRefused(PAUSED)
        if self.run is not None and self.run.is_running:
            raise CommandRefused(f"“{self.run.demo.button}” is still running.")
        if self.conduct is not None and self.conduct.is_running:
            title = self.conduct.chosen.experiment.title
            raise CommandRefused(f"“{title}” is still running.")

    def _engine(self) -> EngineStatus:
        """The engine that the viewer follows; refused where there is none."""
        hub = hub_of_process()
        if hub.trouble is not None:
            raise CommandRefused(NO_REDIS)
        status = hub.status_of(self.viewer)
        if status is None:
            raise CommandRefused("No engine answers: nothing can be sent yet.")
        return status

    def _asked_engine(self) -> EngineStatus:
        """The engine that the viewer follows. One that is only shown is asked nothing:
        what is asked by its address instead, where there is such a one."""
        status = self._engine()
        others = hub_of_process().statuses if status.reads_only else ()
        return next((s for s in others if s.by_address and s.is_asked), status)

    @staticmethod
    def _counter_at(here: Callable[[], str]) -> Any:
        async def count(chats: Sequence[Chat]) -> TokenCounts | None:
            ask = sync_to_async(client.count_tokens, thread_sensitive=False)
            counts = await ask(here(), list(chats))
            return None if counts is None else TokenCounts(**counts)

        return count

    async def _abandon(self, conduct: Conduct) -> None:
        """Its page is gone, and with it whoever would see the result."""
        await conduct.bench.abort_all()
        await database_sync_to_async(ExperimentRun.end)(
            conduct.run_id, "stopped", LEFT, None
        )
        shown = await sync_to_async(class_run.newest)()
        if shown is not None and shown.run_id == conduct.run_id:
            await self._tell_all(conduct.run_id, {"type": "experiment.end"})

    async def _submit_demo(self, request_id: str, generation: Generation) -> None:
        await self._submit(request_id, generation, "demo")

    def _submitter_to(self, here: Callable[[], str]) -> Submit:
        """All of an experiment's requests go to the engine that it runs on."""

        async def submit(request_id: str, generation: Generation) -> None:
            await self._submit(request_id, generation, "experiment", here())

        return submit

    async def _submit(
        self,
        request_id: str,
        generation: Generation,
        purpose: str,
        engine_host_id: str | None = None,
    ) -> None:
        """Watch the request before it is sent, so that no event is missed."""
        await hub_of_process().watch(self.viewer, request_id)
        try:
            await database_sync_to_async(client.submit)(
                generation,
                learner_id=self.learner_id,
                purpose=purpose,
                request_id=request_id,
                address=address_of_socket(self.scope),
                engine_host_id=engine_host_id,
            )
        except Exception as error:
            hub_of_process().unwatch(self.viewer, request_id)
            if isinstance(error, EngineError):
                raise
            # The broker is away: any of its errors.
            raise EngineUnavailable(NOT_SENT) from error

    async def _abort(self, request_id: str) -> None:
        try:
            await database_sync_to_async(client.abort)(request_id, self.learner_id)
        except Exception as error:  # ended already, or the broker is away
            logger.info("Request %s was not aborted: %s", request_id, error)

    # Outwards

    async def _pump(self) -> None:
        while True:
            message = await self.viewer.next()
            if isinstance(message, bytes):
                await self.send(bytes_data=message)
            elif message["type"] == "request.event":
                await self._request_event(message)
            else:
                await self._tell(message)

    async def _request_event(self, event: dict[str, Any]) -> None:
        """The learner's own request: which short id it has, and how far it is."""
        self.ends.heard(event["request_id"])
        if self.run is not None:
            self.run.note(event)
        if self.conduct is not None:
            self.conduct.note(event)
        if event["phase"] == "finished":
            hub_of_process().unwatch(self.viewer, event["request_id"])
        shown = ("type", "request_id", "engine_host_id", "phase", "short_id", "place")
        await self._tell({name: event.get(name) for name in shown})

    async def _tell_all(self, run_id: str, message: dict[str, Any]) -> None:
        """Everybody on the lab's page, in every process, looks at the run anew where
        there is something new to see."""
        kind = message["type"].removeprefix("experiment.")
        if kind == "progress" and not message.get("is_drawn"):
            return
        told = {"type": "class.run", "run_id": run_id, "kind": kind}
        try:
            await get_channel_layer().group_send(LAB_GROUP, told)
        except Exception as error:  # Redis is away: any of its errors
            logger.warning("A class was not told of its run: %s", error)

    async def _tell(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.info("A viewer's task ended: %s", task.exception())
