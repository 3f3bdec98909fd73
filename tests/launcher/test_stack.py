"""make run without an engine: starts, says what it does, ends with every child."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import redis

from lab.messages import STATUS_KEY_PREFIX, EngineStatus
from launcher.valkey import free_port
from tests.launcher.running import ROOT, RunningStack, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="finds processes in /proc"
    ),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR as a first start leaves it: later ones have nothing to prepare."""
    data_dir = tmp_path_factory.mktemp("prepared")
    command = [sys.executable, "-m", "launcher.preparation"]
    subprocess.run(command, cwd=ROOT, env=environment(data_dir), check=True)
    return data_dir


@pytest.fixture
def stack(tmp_path: Path, prepared: Path) -> Iterator[RunningStack]:
    """A later start."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    running = RunningStack(tmp_path, PORT=str(free_port()))
    yield running
    running.end()


@pytest.fixture
def first_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A first start, on an empty directory."""
    running = RunningStack(tmp_path, PORT=str(free_port()))
    yield running
    running.end()


def url_of(stack: RunningStack) -> str:
    stack.wait_for("Open http://")
    return stack.text.split("Open ")[1].split()[0]


def refused(tmp_path: Path, **variables: str) -> str:
    """The sentence of a start that exits with 2."""
    answer = subprocess.run(
        [sys.executable, "-m", "launcher.stack"],
        cwd=ROOT,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    return answer.stderr.strip()


def test_each_stage_has_its_seconds_and_the_page_is_served(first_stack):
    url = url_of(first_stack)
    with urlopen(url) as page:
        assert page.status == 200
    assert "Starting the embedded Redis-compatible server … " in first_stack.text
    assert "Migrating the database and loading the chapters … " in first_stack.text
    assert "Starting the web server … " in first_stack.text
    assert (first_stack.data_dir / "logs" / "web.log").is_file()


def test_a_second_start_leaves_out_what_is_done(first_stack):
    url_of(first_stack)
    first_stack.end()
    again = RunningStack(first_stack.data_dir, PORT=str(free_port()))
    try:
        url_of(again)
        assert "Migrating" not in again.text
    finally:
        again.end()


def test_what_an_engine_said_before_the_last_end_is_not_taken_for_news(stack):
    url_of(stack)
    status = EngineStatus("gone", "ready", time.time(), model="m")
    with redis.Redis.from_url((stack.data_dir / "redis_url").read_text()) as server:
        server.set(f"{STATUS_KEY_PREFIX}gone", json.dumps(asdict(status)))
        with urlopen(f"{url_of(stack)}readyz") as answer:
            assert json.load(answer)["engine"] == "ready"
    stack.end()
    again = RunningStack(stack.data_dir, PORT=str(free_port()))
    try:
        with urlopen(f"{url_of(again)}readyz") as answer:
            assert json.load(answer)["engine"] == "absent"
    finally:
        again.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_child_and_the_exit_code_is_0(stack, number):
    url_of(stack)
    names = " ".join(stack.processes().values())
    assert all(name in names for name in ("valkey", "uvicorn", "celery"))
    stack.process.send_signal(number)
    assert stack.process.wait(timeout=150) == 0
    assert stack.processes() == {}
    assert "Everything has ended." in stack.text


def test_no_child_outlives_a_launcher_that_was_killed(stack):
    url_of(stack)
    os.kill(stack.process.pid, signal.SIGKILL)
    stack.process.wait()
    stack.wait_until(lambda: stack.processes() == {})


def test_a_signal_during_the_start_ends_it_too(tmp_path):
    running = RunningStack(tmp_path, PORT=str(free_port()))
    running.wait_for("Migrating")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=150) == 0
    assert running.processes() == {}


def test_a_web_server_that_dies_is_started_again(stack):
    url = url_of(stack)
    [web] = [pid for pid, line in stack.processes().items() if "uvicorn" in line]
    os.kill(web, signal.SIGKILL)
    stack.wait_for("The web process ended (code -9) and starts again in 1 s")

    def is_served() -> bool:
        try:
            return bool(urlopen(f"{url}healthz").status == 200)
        except OSError:
            return False

    stack.wait_until(is_served)


def test_neither_a_full_disk_nor_tidied_logs_end_what_runs(stack):
    url, logs = url_of(stack), stack.data_dir / "logs"
    (stack.data_dir / "processes.part").symlink_to("/dev/full")
    shutil.rmtree(logs)
    logs.write_text("a file, so that no log can be opened")
    os.kill(pid_of(stack, "uvicorn"), signal.SIGKILL)
    stack.wait_for("The web process cannot be started (")
    logs.unlink()
    stack.wait_until(lambda: is_well(url))
    assert (logs / "web.log").exists()


def is_well(url: str) -> bool:
    """Whether database and Redis answer, and the default worker has been there."""
    try:
        with urlopen(f"{url}readyz", timeout=30) as answer:
            parts = {one["name"]: one for one in json.load(answer)["parts"]}
    except OSError:
        return False
    return bool(parts["default worker"]["state"] == "up")


def pid_of(stack: RunningStack, word: str) -> int:
    """The first of the processes with a word in their command line."""
    return min(pid for pid, line in stack.processes().items() if word in line)


def test_redis_starts_again_and_all_others_ride_it_through(stack):
    url = url_of(stack)
    stack.wait_until(lambda: is_well(url))
    others = {word: pid_of(stack, word) for word in ("uvicorn", "celery")}
    server = redis.Redis.from_url((stack.data_dir / "redis_url").read_text())
    server.set("kept", "whole")
    server.execute_command("WAITAOF", 1, 0, 0)  # it writes to disk every second
    os.kill(pid_of(stack, "valkey"), signal.SIGKILL)
    stack.wait_for("The redis process ended (code -9) and starts again in 1 s")
    stack.wait_until(lambda: is_well(url))
    assert server.get("kept") == b"whole"
    server.hdel("lab:parts", "default worker")
    stack.wait_until(lambda: is_well(url))
    assert {word: pid_of(stack, word) for word in others} == others


def test_a_guard_that_is_killed_is_replaced(stack):
    url = url_of(stack)
    first = pid_of(stack, "launcher.guard")
    os.kill(first, signal.SIGKILL)
    os.kill(pid_of(stack, "uvicorn"), signal.SIGKILL)
    stack.wait_for("The web process ended (code -9)")
    stack.wait_until(lambda: is_well(url))
    assert pid_of(stack, "launcher.guard") != first
    os.kill(stack.process.pid, signal.SIGKILL)
    stack.process.wait()
    stack.wait_until(lambda: stack.processes() == {})


def test_what_launcher_and_guard_left_when_both_were_killed_is_ended(stack):
    url_of(stack)
    left = stack.processes()
    os.kill(pid_of(stack, "launcher.guard"), signal.SIGKILL)
    os.kill(stack.process.pid, signal.SIGKILL)
    stack.process.wait()
    assert "valkey" in " ".join(stack.processes().values())
    again = RunningStack(stack.data_dir, PORT=str(free_port()))
    try:
        url_of(again)
        assert set(stack.processes()).isdisjoint(left)
    finally:
        again.end()


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = refused(tmp_path, PORT=str(port))
    assert sentence.startswith(f"Port {port} of 127.0.0.1 cannot be used")
    assert f"make run PORT={port + 1}" in sentence


LATE = """
import sys
from launcher import address, stack
look = address.Address.require_usable
looks = []

def late(self):
    looks.append(self)
    if len(looks) > 2:  # the other start came after both
        look(self)

address.Address.require_usable = late
sys.exit(stack.main())
"""


def test_of_two_starts_at_once_on_one_port_the_later_says_so(stack, tmp_path):
    """Each of them looked before the other listened: the page that answers is not the
    later one's own."""
    port = url_of(stack).rstrip("/").rpartition(":")[2]
    data_dir = tmp_path / "another"
    ignored = shutil.ignore_patterns("*.lock", "redis*", "another", "logs", "groups")
    shutil.copytree(stack.data_dir, data_dir, ignore=ignored)
    answer = subprocess.run(
        [sys.executable, "-c", LATE],
        cwd=ROOT,
        env=environment(data_dir, PORT=port),
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert f"Port {port} of 127.0.0.1 cannot be used" in answer.stderr
    assert "Open http" not in answer.stdout


def test_a_second_start_on_the_same_data_is_one_sentence(stack):
    url = url_of(stack)
    sentence = refused(stack.data_dir, PORT=str(free_port()))
    assert sentence == (
        f"Servelab already runs from here (process {stack.process.pid}): open {url} "
        "or end it first."
    )


def test_a_start_during_a_restore_is_one_sentence(tmp_path):
    with (tmp_path / "launcher.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as courseware.backups.restore() does
        sentence = refused(tmp_path, PORT=str(free_port()))
    assert sentence.startswith("A restore, or another start, is at work on")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "PORT",
            "70000",
            "PORT is '70000': allowed is a whole number from 1 to 65535.",
        ),
        ("DEBUG", "maybe", "DEBUG is 'maybe': allowed are on and off."),
        ("ENGINE", "perhaps", "ENGINE is 'perhaps': allowed are on, off."),
        (
            "ENGINE_DEVICE",
            "tpu",
            "ENGINE_DEVICE is 'tpu': allowed are auto, cpu, cuda.",
        ),
        ("REDIS_URL", "localhost", "REDIS_URL is 'localhost': it starts with redis://"),
        ("DATABASE_URL", "mysq://x", "DATABASE_URL"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(tmp_path, name, value, says):
    variables = {"PORT": str(free_port()), name: value}
    assert says in refused(tmp_path, **variables)


def test_an_interruption_before_anything_runs_is_no_error(tmp_path):
    pipe = tmp_path / "redis_url"  # read with the other settings: it waits here
    os.mkfifo(pipe)
    running = RunningStack(tmp_path, PORT=str(free_port()))
    with contextlib.ExitStack() as opened:
        running.wait_until(lambda: opened_by_reader(pipe, opened))
        # Again, since one that comes just before the read is not seen until it ends.
        running.wait_until(lambda: has_ended_by(running.process, signal.SIGINT))
    assert running.process.returncode == 0
    assert "Everything has ended" in running.text
    assert "Traceback" not in running.text


def has_ended_by(process: "subprocess.Popen[bytes]", number: int) -> bool:
    """Whether the process has ended, a second after it got a signal."""
    process.send_signal(number)
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return False
    return True


def opened_by_reader(pipe: Path, opened: contextlib.ExitStack) -> bool:
    """Whether somebody reads the pipe; it then stays open, so that they wait."""
    try:
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    opened.callback(os.close, writer)
    return True


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path):
    url = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    sentence = refused(tmp_path, PORT=str(free_port()), DATABASE_URL=url)
    assert sentence.startswith("The database cannot be used: ")


def test_a_database_of_a_newer_version_is_one_sentence(tmp_path, prepared):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    (tmp_path / "preparation.json").unlink()
    with sqlite3.connect(tmp_path / "servelab.sqlite3") as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('lab', '9999_more', '2026-01-01')"
        )
    sentence = refused(tmp_path, PORT=str(free_port()))
    assert sentence.startswith("The database is of a newer version, with lab.9999_more")


def test_the_redis_password_is_neither_in_the_process_list_nor_readable(stack):
    url_of(stack)
    path = stack.data_dir / "redis_url"
    password = path.read_text().split(":")[2].split("@")[0]
    assert path.stat().st_mode & 0o077 == 0
    assert password not in " ".join(stack.processes().values())


def test_where_vllm_cannot_run_the_page_is_served_and_the_reason_is_told(
    tmp_path, prepared
):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    sentence = "vLLM runs on Linux only, and this system is Darwin."
    running = RunningStack(
        tmp_path,
        PORT=str(free_port()),
        ENGINE="on",
        ENGINE_MODEL=str(tmp_path / "model"),
        ENGINE_REFUSAL=sentence,
    )
    try:
        url = url_of(running)
        running.wait_for(f"No engine: {sentence}")
        with urlopen(f"{url}readyz") as answer:
            report = json.load(answer)
        assert report["ready"] is True
        assert report["engine"] == "unavailable"
        assert report["engines"][0]["reason"] == sentence
    finally:
        running.end()


def test_static_files_are_compressed_and_kept_for_ever_by_hashed_names(stack):
    url = url_of(stack)
    with urlopen(url) as page:
        html = page.read().decode()
    names = re.findall(r'"(/static/[^"]+\.(?:css|js))"', html)
    assert len(names) >= 3
    for name in names:
        assert re.search(r"\.[0-9a-f]{12}\.(css|js)$", name), name
        request = Request(url.rstrip("/") + name, headers={"Accept-Encoding": "br"})
        with urlopen(request) as answer:
            assert answer.headers["Content-Encoding"] == "br"
            assert "immutable" in answer.headers["Cache-Control"]
