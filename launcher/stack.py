"""The whole stack on one machine: what runs, in which order, and how it ends.

redis ── preparation ── web ── default worker
      └─ model conversion ── engine worker

python -m launcher.stack        (with the virtual environment's Python)
"""

import os
import secrets
import signal
import sys
import time
from types import FrameType

from courseware.redis_connections import server_at
from lab.engine import model_files
from lab.engine.config import PROJECT_DIR, EngineConfig
from lab.engine.environment import Environment, keep_files_private, names_redis
from lab.errors import SettingError
from lab.messages import STATUS_KEY_PREFIX
from launcher import preparation, valkey, web
from launcher.address import Address, only_one
from launcher.children import GRACE_S, Child
from launcher.engine_environment import engine_refusal, engine_variables
from launcher.guarding import Guard, end_left_over
from launcher.machine import this_machine
from launcher.readiness import EngineWatch, is_served, listens
from launcher.restarts import Restarts
from launcher.room import raise_open_files, require_room
from launcher.stages import LaunchError, refuse, say, stage

LOOP_S = 0.1
PAGE_TIMEOUT_S = 60.0


class Stack:
    """Starts, watches and ends the processes."""

    def __init__(self, config: EngineConfig, address: Address) -> None:
        self.config = config
        self.address = address
        self.machine = this_machine()
        self.logs = config.data_dir / "logs"
        self.logs.mkdir(exist_ok=True)
        self.guard = Guard(config.data_dir / "groups")
        self.children: dict[str, Child] = {}
        self.signal: int | None = None
        self.began = time.monotonic()
        self.restarts = Restarts(config.data_dir)
        self._redis_command: list[str] = []
        self._progress = ""
        self._environment = {
            **os.environ,
            "DATA_DIR": str(config.data_dir),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PORT": str(address.port),
            "PYTHONPATH": str(PROJECT_DIR),
            "PYTHONUNBUFFERED": "1",
        }

    # Start

    def run(self) -> None:
        """Start everything, then watch until a signal; raises LaunchError."""
        try:
            if not names_redis(Environment(os.environ)):
                self._start_redis()
            self._start_engine_side()
            if not preparation.is_current(PROJECT_DIR, self.config.data_dir):
                self._prepare()
            self._start_web()
            self._start("default")
            say(f"\n  Open {self.address.url}\n")
            self._watch()
        finally:
            self._end()

    def _start_redis(self) -> None:
        """The embedded server, on a port of the loopback that is free now."""
        directory = self.config.data_dir / "redis"
        directory.mkdir(mode=0o700, exist_ok=True)
        password, port = secrets.token_urlsafe(24), valkey.free_port()
        with stage("Starting the embedded Redis-compatible server"):
            try:
                command = valkey.command(port, directory, password, keeps=True)
            except valkey.ValkeyMissing as error:
                raise LaunchError(str(error)) from error
            self._redis_command = command
            child = self._start("redis")
            try:
                valkey.wait_until_ready(child.process, port, password)
            except OSError as error:
                raise LaunchError(f"{error} Its log is {child.log}.") from error
        url = valkey.url(port, password)
        _forget_engines(url)
        self._environment["REDIS_URL"] = url
        path = self.config.data_dir / "redis_url"
        path.touch(mode=0o600)
        path.write_text(url)

    def _start_engine_side(self) -> None:
        """The conversion if the model has to be made first, else the engine."""
        if Environment(os.environ).choice("ENGINE", "on", ("on", "off")) == "off":
            say("  No engine host here (ENGINE=off)")
            return
        refusal = engine_refusal(self.machine, self.config)
        needs_model = not (refusal or self.config.attach or self.config.address)
        if needs_model and not model_files.are_ready(self.config):
            say("  Preparing the model, once (meanwhile the page starts) …")
            self._start("conversion")
        else:
            self._start("engine")

    def _prepare(self) -> None:
        with stage("Migrating the database and loading the chapters"):
            child = self._start("preparation")
            while (code := child.exit_code()) is None:
                self._pause()
        del self.children["preparation"]
        self.restarts.forget("preparation")
        if code:
            raise LaunchError(f"{child.last_words()} (log: {child.log})")

    def _start_web(self) -> None:
        self.address.require_usable()
        with stage("Starting the web server"):
            child = self._start("web")
            end = time.monotonic() + PAGE_TIMEOUT_S
            while not (
                is_served(self.address.url)
                and listens(child.process.pid, self.address.port)
            ):
                if child.exit_code() is not None:
                    self.address.require_usable()  # another start was quicker
                    sentence = child.last_words().rpartition("ImproperlyConfigured: ")[
                        2
                    ]
                    raise LaunchError(f"{sentence} (log: {child.log})")
                if time.monotonic() > end:
                    raise LaunchError(f"The web server is silent; its log: {child.log}")
                self._pause()

    def _start(self, name: str) -> Child:
        environment = dict(self._environment)
        if name == "engine":
            environment |= engine_variables(self.machine, self.config, os.environ)
        log = self.logs / f"{name}.log"
        child = Child(name, self._command(name), environment, log, self.guard)
        self.children[name] = child
        self.restarts.note_start(name)
        return child

    def _command(self, name: str) -> list[str]:
        python, data = sys.executable, self.config.data_dir
        celery = [python, "-m", "celery", "-A", "config", "worker"]
        quiet = ["--without-mingle", "--without-gossip", "--loglevel", "INFO"]
        return {
            "redis": self._redis_command,  # its port and its password stay
            "conversion": [python, "-m", "lab.engine.model_files"],
            "preparation": [python, "-m", "launcher.preparation"],
            "web": web.command(self.address.bind, self.address.port),
            "engine": [
                *(*celery, "-Q", "engine", "-P", "threads", "-n", "engine@%h"),
                *("-c", str(self.config.max_in_flight), *quiet),
            ],
            "default": [
                *(*celery, "-Q", "default", "-P", "prefork", "-c", "1"),
                *("-n", "default@%h", *quiet, "-B", "-s", str(data / "beat")),
            ],
        }[name]

    # Watch

    def _watch(self) -> None:
        """Until a signal: say when the engine is ready, restart what ended."""
        watch = EngineWatch(self.address.url)
        while True:
            self._pause()
            for child in list(self.children.values()):
                if child.exit_code() is not None:
                    self._ended(child)
                else:
                    child.keep_log_short()
            for name in self.restarts.due():
                self._start_again(name)
            self.guard.watch()
            if "conversion" in self.children:
                self._say_progress()
            if "engine" in self.children:
                for line in watch.news():
                    say(f"  {line}")

    def _say_progress(self) -> None:
        """What the making of the model's files said last, where that is news."""
        line = self.children["conversion"].last_words()
        if line.startswith("Downloading ") and line != self._progress:
            self._progress = line
            say(f"  {line}")

    def _ended(self, child: Child) -> None:
        """A process ended by itself: go on, or start it again after a pause."""
        del self.children[child.name]
        code = child.exit_code()
        if child.name == "conversion":
            if code:
                say(f"  The model is not there: {child.last_words()}")
            else:
                say(f"  {child.last_words()}")
            self.restarts.forget("conversion")
            self._start("engine")
            return
        pause = self.restarts.note_end(child.name, code, child.log)
        say(
            f"  The {child.name} process ended (code {code}) and starts again in "
            f"{pause:.0f} s; log: {child.log}"
        )

    def _start_again(self, name: str) -> None:
        """Its pause is over; a system without room for one more process gets another
        pause, and all others live on."""
        try:
            self._start(name)
        except OSError as error:
            pause = self.restarts.note_end(name, None, self.logs / f"{name}.log")
            say(
                f"  The {name} process cannot be started ({error.strerror}); again in "
                f"{pause:.0f} s"
            )

    def _pause(self) -> None:
        time.sleep(LOOP_S)
        if self.signal is not None:
            raise KeyboardInterrupt

    # End

    def _end(self) -> None:
        """End the workers and the web server together, Redis after them."""
        end = time.monotonic() + GRACE_S
        redis = self.children.pop("redis", None)
        for child in self.children.values():
            child.ask_to_end()
        for child in self.children.values():
            child.end(end)
        if redis:
            redis.ask_to_end()
            redis.end(time.monotonic() + GRACE_S)
            (self.config.data_dir / "redis_url").unlink(missing_ok=True)
        self.guard.close()
        self.restarts.close()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """First signal: end in order. Second: leave the rest to the guard."""
        if self.signal is not None:
            os._exit(1)
        self.signal = number


def die_with_make() -> None:
    """Under make on Linux, end when make is killed: nobody else would be told."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _forget_engines(url: str) -> None:
    """Nobody but our own processes published here, and all of them have ended: what
    an engine host said last must not be taken for this start's."""
    with server_at(url) as server:
        for key in server.scan_iter(match=f"{STATUS_KEY_PREFIX}*"):
            server.delete(key)


def main() -> int:
    """Run until a signal; 0, or 2 with one sentence when something is in the way."""
    die_with_make()
    keep_files_private()
    try:
        _run(Environment(os.environ))
    except KeyboardInterrupt:
        say("\n  Everything has ended.")
    except (LaunchError, SettingError, OSError) as error:
        return refuse(error)
    return 0


def _run(env: Environment) -> None:
    """The one stack of this DATA_DIR; ends by KeyboardInterrupt or with an error."""
    config = EngineConfig.from_env(env.variables)
    bind = env.text("BIND_ADDRESS", "127.0.0.1")
    address = Address(bind, env.integer("PORT", 8000, 1, 65535))
    require_room(config.data_dir)
    raise_open_files()
    with only_one(config.data_dir, address):
        end_left_over(config.data_dir / "groups")
        address.require_usable()
        stack = Stack(config, address)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stack.on_signal)
        stack.run()


if __name__ == "__main__":
    sys.exit(main())
