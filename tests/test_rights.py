"""docs/security.md says of ways in, sessions and rights what the product does."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from courseware import guesses, second_factor, sign_up
from courseware.models import User
from lab import client as engine_client
from tests.lab.fake_engine import READY, FakeEngine
from tests.quizzes.conftest import BROWSER
from tests.repository import ROOT
from tests.test_security_rules import paths, product_files

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
BACKEND = "django.contrib.auth.backends.ModelBackend"


def part(heading: str) -> str:
    """Of a heading, to the next one."""
    text = re.split(rf"^###? {heading}\n", PAGE, flags=re.MULTILINE)[1]
    return " ".join(re.split("^##", text, flags=re.MULTILINE)[0].split())


def test_the_figures_of_sign_in_are_those_of_the_code() -> None:
    text = part("Sign-in, in figures")
    hours = settings.STAFF_SESSION_HOURS
    minutes = guesses.LONGEST_WAIT_S // 60
    for words in (
        f"from {guesses.FIRST_WAIT_S} seconds to {minutes} minutes",
        f"counts end after {'a day' * (guesses.REMEMBERED_S == 86_400)}.",
        f"holds for {'five' * (second_factor.WAITS_S == 300)} minutes",
        f"letter holds for {'a day' * (sign_up.HOLDS_S == 86_400)}",
    ):
        assert words in text, words
    text = part("Sessions")
    for words in (
        f"{settings.LEARNER_KEPT_DAYS} days after the last visit",
        f"{settings.SESSION_LONGEST_DAYS} days after signing in",
        f"{hours} hours after signing in",
    ):
        assert words in text, words


# Ways in


def is_of_auth(node: ast.AST) -> bool:
    """Whether it takes something out of Django's sign-in."""
    return isinstance(node, ast.ImportFrom) and "contrib.auth" in str(node.module)


def test_each_way_in_is_written_down_and_there_is_no_other() -> None:
    found = set()
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {
                alias.name for alias in getattr(node, "names", ()) if is_of_auth(node)
            }
            if names & {"login", "alogin"} or getattr(node, "attr", "") == "LoginView":
                found.add(str(path.relative_to(ROOT)))
    assert found == set(re.findall(r"`(courseware/\w+\.py)`", part("Ways in")))
    assert settings.AUTHENTICATION_BACKENDS == [
        "axes.backends.AxesStandaloneBackend",
        BACKEND,
    ]


def test_no_account_comes_along(db: None) -> None:
    assert not User.objects.exists()


# Who may do what

ROLES = ("anybody", "account", "staff", "superuser")


def rules() -> dict[str, list[str]]:
    """What begins an address, and who may open it and send to it; by the table."""
    rows = re.findall(r"\| `(/[^`]*)` \| (\w+) \|", part("Who may do what"))
    return {path: role for path, role in rows}


def role_of(path: str) -> str:
    """By the longest of the table's beginnings."""
    return max(
        (len(begins), role)
        for begins, role in rules().items()
        if path.startswith(begins)
    )[1]


@pytest.fixture
def engine(db: None) -> Iterator[None]:
    cache.clear()
    with engine_client.transport(FakeEngine(READY)):
        yield


def browser(role: str) -> Client:
    client = Client(**BROWSER, raise_request_exception=False)
    if role != "anybody":
        user = User.objects.create_user(
            f"{role}@example.org",
            is_staff=role in ("staff", "superuser"),
            is_superuser=role == "superuser",
        )
        client.force_login(user, BACKEND)
    return client


DOORS = ("/account/sign-in/", "/admin/login/", "/admin/")
"""Where whoever may not is led to."""


def is_kept_out(answer: Any) -> bool:
    """Refused, or led to a door."""
    return answer.status_code in (403, 404) or answer.request["PATH_INFO"] in DOORS


@pytest.mark.parametrize("role", ROLES)
def test_no_address_is_open_to_less_than_the_table_says(
    role: str, engine: None
) -> None:
    client, wrong = browser(role), []
    for path in paths():
        needs = role_of(path)
        if ROLES.index(needs) <= ROLES.index(role) or path == "/admin/login/":
            continue
        for send in (client.get, client.post):
            answer = send(path, follow=True)
            if answer.status_code != 405 and not is_kept_out(answer):
                wrong.append((path, needs, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", ["account", "staff", "superuser"])
def test_what_the_table_gives_is_given(role: str, engine: None) -> None:
    client = browser(role)
    mine = [
        p for p in paths() if role_of(p) == role and "none" not in p and "1" not in p
    ]
    opened = [p for p in mine if client.get(p).status_code in (200, 204)]
    assert len(mine) >= 3 and opened, mine
