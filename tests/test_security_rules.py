"""Rules of docs/security.md that hold for all of the product, asked of all of it."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from courseware.learner import learner_id_of
from courseware.models import User
from lab import client as engine_client
from mentor.knowing.question import read_question
from mentor.knowing.talk import talk
from mentor.models import Conversation, Turn
from mentor.prompts import MAX_QUESTION_CHARS
from tests.lab.fake_engine import READY, FakeEngine
from tests.quizzes.conftest import BROWSER, bank

__all__ = ["bank"]
ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("config", "courseware", "lab", "mentor", "quizzes", "capacity", "planning")
NOBODY = "00000000-0000-4000-8000-000000000000"
EXAMPLES = {
    "uuid": NOBODY,
    "int": "1",
    "slug": "none",
    "str": "none",
    "path": "none",
}
PASSWORD = "a-long-sentence"
RAW = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(autouse=True)
def engine(db: None) -> Iterator[None]:
    with engine_client.transport(FakeEngine(READY)):
        yield


def paths(found: Any = None, before: str = "/") -> Iterator[str]:
    """An example of every address of the site."""
    for entry in (found or get_resolver()).url_patterns:
        route = re.sub(
            r"<(?:(\w+):)?\w+>",
            lambda match: EXAMPLES.get(match[1] or "str", "none"),
            str(entry.pattern),
        )
        route = re.sub(r"\(\?P<\w+>[^)]*\)", "none", route).strip("^$")
        if isinstance(entry, URLResolver):
            yield from paths(entry, before + route)
        elif isinstance(entry, URLPattern):
            yield before + route


def test_no_address_takes_a_form_without_its_token() -> None:
    staff = User.objects.create_superuser("staff@example.org", PASSWORD)
    client = Client(**BROWSER, enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(staff, "django.contrib.auth.backends.ModelBackend")
    known = list(paths())
    assert len(known) > 80
    taken = {
        path: answer.status_code
        for path in known
        if (answer := client.post(path, {"x": "1"})).status_code not in (403, 404, 405)
    }
    assert taken == {}


@pytest.fixture
def learner(bank: None) -> Client:
    """Signed in, with a conversation and an attempt."""
    User.objects.create_user("ann@example.org", PASSWORD)
    client = Client(**BROWSER)
    client.get("/privacy/")
    client.post(
        "/account/sign-in/", {"username": "ann@example.org", "password": PASSWORD}
    )
    client.post("/quiz/deploying-ai-models/start/")
    return client


def conversation_of(client: Client) -> Conversation:
    mine = learner_id_of(client.session)
    row = Conversation.objects.create(learner_id=mine, title=RAW)
    Turn.objects.create(
        conversation=row,
        learner_id=mine,
        question=RAW,
        selected=RAW,
        answer=RAW,
        error=RAW,
        state=Turn.State.ANSWERED,
        request_id="a" * 32,
        position=1,
    )
    return row


def personal_pages(client: Client) -> dict[str, str]:
    """Pages that show what is somebody's, by name."""
    attempt = client.post("/quiz/deploying-ai-models/start/").headers["Location"]
    conversation = conversation_of(client)
    return {
        "account": "/account/",
        "new password": "/account/password/",
        "second factor": "/account/second-factor/",
        "conversations": "/mentor/",
        "search": "/mentor/?q=script",
        "conversation": f"/mentor/conversations/{conversation.pk}/",
        "attempt": attempt,
        "progress": "/quiz/",
        "recordings": "/lab/recordings/",
        "challenge": "/lab/challenge/",
    }


def test_no_browser_keeps_a_page_with_what_is_somebodys(learner: Client) -> None:
    kept = {}
    for name, path in personal_pages(learner).items():
        answer = learner.get(path)
        assert answer.status_code == 200, name
        if "no-store" not in answer.headers.get("Cache-Control", ""):
            kept[name] = answer.headers.get("Cache-Control", "")
    assert kept == {}


def test_words_of_a_learner_are_text_on_every_page(learner: Client) -> None:
    learner.post("/lab/challenge/name/", {"name": RAW[:40]})
    for name, path in {
        **personal_pages(learner),
        "course search": f"/search/?q={RAW}",
        "hardware": f"/lab/hardware/?model={RAW}&users={RAW}",
        "fleet": f"/lab/fleet/?rate_per_s={RAW}",
        "sign-in": f"/account/sign-in/?next={RAW}",
    }.items():
        text = learner.get(path).text
        assert "<script>alert(1)" not in text and "<img src=x" not in text, name


def test_a_letter_leads_in_for_a_day(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert settings.PASSWORD_RESET_TIMEOUT == 24 * 3600
    user = User.objects.create_user("ann@example.org", PASSWORD)
    generator = PasswordResetTokenGenerator()
    token = generator.make_token(user)
    assert generator.check_token(user, token)
    now = generator._now()
    monkeypatch.setattr(
        generator, "_now", lambda: now.replace(year=now.year + 1), raising=True
    )
    assert not generator.check_token(user, token)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


NEVER = {"eval", "exec", "os.system", "os.popen", "pickle.loads", "pickle.load"}
NEVER |= {"marshal.loads", "yaml.unsafe_load", "yaml.full_load", "RawSQL"}
SQL_BY_HAND = {
    *("config/health.py", "courseware/backups.py", "courseware/table_state.py"),
}
"""Sentences without a value of anybody's: SELECT 1, a backup's own path, the code's own
names of a table and its columns."""


def test_nothing_that_was_sent_can_run() -> None:
    found = []
    for path in product_files():
        for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(call.func)
            shell = any(
                word.arg == "shell" and ast.unparse(word.value) != "False"
                for word in call.keywords
            )
            is_sql = name.endswith((".raw", ".extra", ".cursor"))
            is_known = str(path.relative_to(ROOT)) in SQL_BY_HAND
            if name in NEVER or shell or (is_sql and not is_known):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno} {name}")
    assert found == []


def product_files() -> list[Path]:
    """Python files that a web or engine process may import."""
    files = [path for name in PRODUCT for path in (ROOT / name).rglob("*.py")]
    assert len(files) > 200
    return [path for path in files if "migrations" not in path.parts]


@pytest.mark.parametrize("pump", ["\n", " ", "SELECT ", "{{", "[a](", "<a ", "def a"])
def test_no_message_makes_a_pattern_slow(pump: str) -> None:
    """Ten times as long as the longest that is taken."""
    message = pump * (10 * MAX_QUESTION_CHARS // len(pump)) + "a"
    began = time.process_time()
    talk(message, lambda word: True)
    read_question(message, [message], message)
    assert time.process_time() - began < 1.5
