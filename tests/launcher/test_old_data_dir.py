"""make run over the DATA_DIR of the version before capacity, without an engine."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from django.core import signing

from launcher import preparation
from launcher.valkey import free_port
from tests.data.before_capacity import make_data_dir as made
from tests.launcher.running import ROOT, RunningStack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="finds processes in /proc"
    ),
]

UNTOUCHED = (
    "auth_group auth_group_permissions auth_permission axes_accessattempt "
    "courseware_readsection courseware_user courseware_user_groups "
    "courseware_user_user_permissions django_admin_log lab_challengeresult "
    "lab_classname lab_enginerequest lab_keptrequestfile lab_ratemeasurement "
    "mentor_conversation mentor_turn quizzes_answer quizzes_attempt "
    "quizzes_measurement quizzes_nameconsent quizzes_recordedrun"
).split()
"""Tables that neither a start nor a visit writes to."""
SESSION_SALT = "django.contrib.sessions.SessionStore"


class Served(NamedTuple):
    """A running stack, and what its directory held before."""

    stack: RunningStack
    url: str
    columns: dict[str, str]
    rows: dict[str, list[tuple[Any, ...]]]
    was_current: bool

    def page(self, path: str, session: str = "") -> str:
        """A page as the browser with this session cookie gets it."""
        headers = {"User-Agent": "Mozilla/5.0", "Cookie": f"sessionid={session}"}
        with urlopen(Request(f"{self.url}{path}", headers=headers)) as answer:
            return str(answer.read().decode())


def columns_of(data_dir: Path) -> dict[str, str]:
    """Of each table that is compared, for a SELECT: later versions add to them."""
    with closing(sqlite3.connect(data_dir / "servelab.sqlite3")) as database:
        rows = {t: database.execute(f"PRAGMA table_info({t})") for t in UNTOUCHED}
        return {
            t: ", ".join(f'"{row[1]}"' for row in found) for t, found in rows.items()
        }


def rows_of(
    data_dir: Path, columns: dict[str, str]
) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(data_dir / "servelab.sqlite3")) as database:
        return {
            table: sorted(database.execute(f"SELECT {names} FROM {table}"), key=repr)
            for table, names in columns.items()
        }


def session_of(data_dir: Path) -> str:
    """The cookie of the browser in which the account was made."""
    secret_key = (data_dir / "secret_key").read_text()
    with closing(sqlite3.connect(data_dir / "servelab.sqlite3")) as database:
        [account] = database.execute(
            "SELECT id FROM courseware_user WHERE email = ?", [made.EMAIL]
        ).fetchone()
        sessions = database.execute(
            "SELECT session_key, session_data FROM django_session"
        )
        for key, text in sessions:
            data = signing.loads(text, key=secret_key, salt=SESSION_SALT)
            if data.get("_auth_user_id") == str(account):
                return str(key)
    raise AssertionError("nobody was signed in")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data_dir = tmp_path_factory.mktemp("before-capacity")
    made.unpack(data_dir)
    columns = columns_of(data_dir)
    rows = rows_of(data_dir, columns)
    was_current = preparation.is_current(ROOT, data_dir)
    stack = RunningStack(data_dir, PORT=str(free_port()))
    try:
        stack.wait_for("Open http://")
        url = stack.text.split("Open ")[1].split()[0]
        yield Served(stack, url, columns, rows, was_current)
    finally:
        stack.end()


def test_it_is_migrated_once(served: Served) -> None:
    assert not served.was_current
    assert "Migrating the database and loading the chapters … " in served.stack.text
    assert preparation.is_current(ROOT, served.stack.data_dir)


def test_every_row_of_learners_and_staff_is_kept(served: Served) -> None:
    assert all(served.rows.values())
    now = rows_of(served.stack.data_dir, served.columns)
    # A model that is new brings permissions of its own.
    now["auth_permission"] = [
        row for row in now["auth_permission"] if row in served.rows["auth_permission"]
    ]
    assert now == served.rows


def test_who_was_signed_in_finds_everything(served: Served) -> None:
    session = session_of(served.stack.data_dir)
    assert made.EMAIL in served.page("account/", session)
    assert f'value="{made.CLASS_NAME}"' in served.page("lab/challenge/", session)
    assert made.QUESTIONS[0] in served.page("mentor/", session)


def test_recordings_and_pages_still_open_are_served(served: Served) -> None:
    menu = json.loads(served.page("lab/recordings/menu/"))["recordings"]
    assert "mine" in {one["id"] for one in menu}
    [style] = (served.stack.data_dir / "static" / "css").glob(made.OPEN_STYLE)
    assert served.page(f"static/css/{style.name}") == style.read_text()
