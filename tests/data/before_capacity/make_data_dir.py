"""Makes data_dir.tar.gz, the DATA_DIR of the last version whose lab held the challenge.

In the root of a checkout of e9b519d, with the packages that it pins, for a directory
that does not exist yet:

    DATA_DIR=… PYTHONPATH=. python …/tests/data/before_capacity/make_data_dir.py

It prepares the directory as ``make run`` did, then two learners, an account and staff
use that version's pages. No engine runs: its status and its reports are made up.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any

EMAIL, PASSWORD = "ada@example.org", "a difference engine"
STAFF_EMAIL, STAFF_PASSWORD = "charles@example.org", "an analytical engine"
CLASS_NAME, GROUP = "Ada", "Assistants"
QUESTIONS = ("What is a block table?", "And a page fault?", "Who pays for it?")
ANSWER = "A list: which physical block holds which part of the request — “paged”."
REFUSAL = "The engine has stopped: ask again."
CHAPTER, QUIZ, MEASURED = (
    "deploying-ai-models",
    "deploying-ai-models",
    "deploying-ai-models-measured",
)
SCENARIO = "bursty-chat"
REQUESTS = b"timestamp,input,output\n0,500,100\n40,500,100\n90,900,300\n"
RECORDING = "smollm2-cpu-first.svlr"
OPEN_STYLE = "planning.????????????.css"
"""A file that a page still open asks for; the next version names it otherwise."""
HOST = "made-up-host"
BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 Firefox/150.0", "HTTP_HOST": "localhost"}
ARCHIVE = Path(__file__).with_name("data_dir.tar.gz")
KEPT = ("servelab.sqlite3", "preparation.json", "secret_key", "recordings")
"""Of the directory; and of its static files one, with what collecting left."""


class Browser:
    """Somebody who reads with the version at hand."""

    def __init__(self) -> None:
        from django.test import Client

        from courseware.learner import learner_id_of

        self.client = Client(**BROWSER)
        self.client.get(f"/chapters/{CHAPTER}/")
        self.learner_id = learner_id_of(self.client.session) or ""

    def post(self, path: str, **fields: Any) -> Any:
        """What a form leads to; a page that is refused ends the script."""
        response = self.client.post(path, fields, follow=True)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response


def report(request_id: str, finish_reason: str = "length", **numbers: Any) -> None:
    """An engine host reports how a request ended."""
    from lab.engine.events import RequestReport

    from lab.tasks import finish_request

    fields = {
        "short_id": 7,
        "num_prompt_tokens": 296,
        "num_output_tokens": 60,
        "num_blocks": 12,
        "ttft_s": 0.5,
        "queue_s": 0.125,
        "output_tokens_per_s": 50.0,
    }
    ended = RequestReport(request_id, HOST, finish_reason, **{**fields, **numbers})
    finish_request(asdict(ended))


def announce_engine() -> None:
    """A host that takes requests, as its heartbeat says."""
    import redis
    from django.conf import settings
    from lab.engine.events import STATUS_KEY_PREFIX, EngineStatus

    status = EngineStatus(
        HOST, "ready", time.time(), model="SmolLM2-135M-Instruct", device="CPU engine",
        block_size=32,
    )  # fmt: skip
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        server.set(f"{STATUS_KEY_PREFIX}{HOST}", json.dumps(asdict(status)))


def read_and_sign_up(browser: Browser) -> None:
    """Two sections read before there is an account, the rest of the progress after."""
    browser.post(f"/chapters/{CHAPTER}/read/", anchor=["pagedattention", "cold-starts"])
    browser.post(
        "/account/sign-up/", email=EMAIL, password1=PASSWORD, password2=PASSWORD
    )
    browser.post(f"/chapters/{CHAPTER}/read/", anchor=["hardware"])
    browser.post("/quiz/names/", agree="yes")


def take_quiz(browser: Browser, *, is_finished: bool) -> None:
    """A hint, one right answer and one wrong, and another variant of that one."""
    url = start(browser, QUIZ)
    browser.post(f"{url}1/hint/")
    for position, is_right in ((1, True), (2, False)):
        letter = choice(url, position, is_right)
        fields = {"try": "1", "certainty": "3", "choice": letter}
        browser.post(f"{url}{position}/answer/", **fields)
    browser.post(f"{url}2/retry/")
    if is_finished:
        browser.post(f"{url}finish/")


def choice(url: str, position: int, is_right: bool) -> str:
    """The letter of a choice that is right, or of one that is not."""
    from quizzes.models import Attempt

    attempt = Attempt.objects.get(pk=url.split("/")[-2])
    variant = attempt.latest(position).variant()
    offered = variant.question.choices
    return next(
        part.letter
        for part in variant.parts
        if offered[part.index].is_right == is_right
    )


def measure_answers(browser: Browser) -> None:
    """One prediction measured, one under way, one that failed, two not answered."""
    from quizzes.models import Measurement

    url = start(browser, MEASURED)
    ids = []
    for position, fields in (
        (1, {"ask-blocks": "12"}),
        (3, {"ask-blocks": "19", "ask-added": "9"}),
        (2, {"ask-blocks": "9", "ask-tokens": "288"}),
    ):
        browser.post(f"{url}{position}/answer/", **{"try": "1", **fields})
        ids.append(Measurement.objects.latest("pk").request_id)
    report(ids[0])
    report(ids[1], "error", error=REFUSAL)


def start(browser: Browser, quiz: str) -> str:
    """Begin an attempt; its address."""
    from quizzes.models import Attempt

    browser.post(f"/quiz/{quiz}/start/")
    attempt = Attempt.objects.get(
        learner_id=browser.learner_id, quiz_id=quiz, closed_at=None
    )
    return f"/quiz/attempts/{attempt.pk}/"


def ask_mentor(browser: Browser) -> None:
    """A conversation: an answer, a refusal, a question that nobody has answered."""
    from mentor.models import Conversation

    conversation = None
    for question, finish_reason in zip(QUESTIONS, ("stop", "error", ""), strict=True):
        request_id = uuid.uuid4().hex
        turn = Conversation.objects.ask(
            browser.learner_id, conversation, question, request_id
        )
        conversation = turn.conversation_id
        if finish_reason == "stop":
            report(request_id, "stop", text=ANSWER)
        elif finish_reason:
            report(request_id, finish_reason, error=REFUSAL)


def take_challenge(browser: Browser, *instances: str) -> None:
    """Fleets handed in."""
    for number in instances:
        browser.post(
            f"/lab/challenge/{SCENARIO}/hand-in/", mode="provisioned", instances=number
        )


def bring_figures(browser: Browser) -> None:
    """A file of requests, a finished measurement of rates and one under way."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from lab.challenge.models import RateMeasurement

    file = SimpleUploadedFile("mine.csv", REQUESTS)
    browser.post("/lab/fleet/file/", requests=file)
    browser.post("/lab/fleet/rates/", mode="hybrid")
    row = RateMeasurement.objects.get()
    report(row.alone)
    row.refresh_from_db()
    for request_id in row.together:
        report(request_id, output_tokens_per_s=40.0)
    browser.post("/lab/fleet/rates/")


def administer() -> None:
    """Staff whose group may read what was handed in; a sign-in that was refused."""
    from django.contrib.auth.models import Group, Permission
    from django.test import Client

    from courseware.models import User
    from quizzes.models import RecordedRun

    chief = User.objects.create_superuser("chief@example.org", STAFF_PASSWORD)
    client = Client(**BROWSER)
    client.force_login(chief, "django.contrib.auth.backends.ModelBackend")
    wanted = Permission.objects.get(
        codename="view_challengeresult", content_type__app_label="lab"
    )
    client.post("/admin/auth/group/add/", {"name": GROUP, "permissions": [wanted.pk]})
    staff = User.objects.create_user(STAFF_EMAIL, STAFF_PASSWORD, is_staff=True)
    staff.groups.add(Group.objects.get(name=GROUP))
    staff.user_permissions.add(
        Permission.objects.get(
            codename="delete_classname", content_type__app_label="lab"
        )
    )
    Client(**BROWSER).post(
        "/account/sign-in/", {"username": "mallory@example.org", "password": "guess"}
    )
    RecordedRun.objects.create(request_id=uuid.uuid4().hex)


def use() -> None:
    """Everybody at work; who is signed in stays so, however old the data becomes."""
    from datetime import datetime

    from django.contrib.sessions.models import Session

    announce_engine()
    ada, neighbour = Browser(), Browser()
    read_and_sign_up(ada)
    take_quiz(ada, is_finished=True)
    take_quiz(neighbour, is_finished=False)
    measure_answers(ada)
    ask_mentor(ada)
    take_challenge(ada, "1", "2")
    take_challenge(neighbour, "4")
    ada.post("/lab/challenge/name/", name=CLASS_NAME)
    bring_figures(ada)
    administer()
    Session.objects.update(expire_date=datetime(2200, 1, 1, tzinfo=UTC))


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """A server that ends with the block; yields its REDIS_URL."""
    from launcher import valkey

    directory.mkdir()
    port, password = valkey.free_port(), "made-up"
    process = subprocess.Popen(
        valkey.command(port, directory, password, keeps=False),
        stdout=subprocess.DEVNULL,
    )
    try:
        valkey.wait_until_ready(process, port, password)
        yield valkey.url(port, password)
    finally:
        process.terminate()
        process.wait()


def pack(data_dir: Path) -> None:
    """What a later version must keep, without what it makes anew."""
    (data_dir / "recordings").mkdir()
    shutil.copy(Path("lab/recordings") / RECORDING, data_dir / "recordings/mine.svlr")
    static = ["static/collected.txt", "static/staticfiles.json"]
    [hashed] = data_dir.glob(f"static/css/{OPEN_STYLE}")
    static.append(str(hashed.relative_to(data_dir)))
    with tarfile.open(ARCHIVE, "w:gz", compresslevel=9) as archive:
        for name in (*KEPT, *static):
            archive.add(data_dir / name, name, filter=anonymous)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Belongs to whoever unpacks it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def unpack(data_dir: Path) -> None:
    """What pack() took, for the version of today."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(data_dir, filter="data")


def main() -> None:
    """Prepare, use, pack."""
    data_dir = Path(os.environ["DATA_DIR"])
    data_dir.mkdir()
    with redis_server(data_dir / "redis") as url:
        os.environ["REDIS_URL"] = url
        subprocess.run([sys.executable, "-m", "launcher.preparation"], check=True)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        use()
        django.db.connection.cursor().execute("VACUUM")
        django.db.connection.close()
    pack(data_dir)


if __name__ == "__main__":
    main()
