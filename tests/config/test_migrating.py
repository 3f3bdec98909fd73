"""A database of the version whose lab held the challenge migrates and keeps every row.

tests/data/before_capacity has that version's own SQLite file, as its pages filled it.
On PostgreSQL its rows stand in tables that the migrations of that time make.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.apps.registry import Apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import load_backend
from django.test import Client

from capacity.fleet.rates import fields_of
from capacity.models import (
    ChallengeResult,
    ClassName,
    KeptRequestFile,
    RateMeasurement,
)
from courseware.learner import forget_learner
from courseware.models import Learner, User
from lab.models import EngineRequest
from mentor.models import Conversation, Turn
from quizzes.models import Answer, Attempt, Quiz
from tests.data.before_capacity import make_data_dir as made

MOVED = {"challengeresult", "classname", "keptrequestfile", "ratemeasurement"}
BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"}
Rows = dict[str, list[tuple[Any, ...]]]
"""Of each table, in order of the primary key."""


class Migrated(NamedTuple):
    """A database that was the old version's, and what it held then."""

    connection: BaseDatabaseWrapper
    old: Apps
    """The models as the old version had them."""
    rows: Rows
    secret_key: str


@contextmanager
def connected(alias: str, connection: BaseDatabaseWrapper) -> Iterator[None]:
    """``alias`` means this connection inside the block."""
    before = [connections[known] for known in connections if known == alias]
    connections[alias] = connection
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        ContentType.objects.clear_cache()
        del connections[alias]
        for one in before:
            connections[alias] = one


@contextmanager
def database_of_its_own(directory: Path) -> Iterator[BaseDatabaseWrapper]:
    """On the server that the tests use; for SQLite the file in ``directory``."""
    own = connections["default"]
    name = str(directory / "servelab.sqlite3")
    if own.vendor == "postgresql":
        name = f"before_capacity_{uuid.uuid4().hex}"
        execute(own, f"CREATE DATABASE {name}")
    # A pool is its alias's, whatever the database: "default" has one already.
    options = {k: v for k, v in own.settings_dict["OPTIONS"].items() if k != "pool"}
    settings = {**own.settings_dict, "NAME": name, "OPTIONS": options}
    connection = type(own)(settings, "default")
    try:
        yield connection
    finally:
        connection.close()
        if own.vendor == "postgresql":
            execute(own, f"DROP DATABASE {name}")


def execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def rows_of(old: Apps, alias: str) -> Rows:
    return {
        model._meta.db_table: list(
            model._base_manager.using(alias).order_by("pk").values_list()
        )
        for model in old.get_models(include_auto_created=True)
    }


def copy_rows(old: Apps, source: str) -> None:
    """Into tables that are empty, as they are: no time becomes now."""
    models = old.get_models(include_auto_created=True)
    with transaction.atomic():
        for model in models:
            for row in model._base_manager.using(source):
                row.save_base(raw=True, using="default", force_insert=True)
    for sql in connections["default"].ops.sequence_reset_sql(no_style(), models):
        execute(connections["default"], sql)


@pytest.fixture(scope="module")
def migrated(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Migrated]:
    source, copy = tmp_path_factory.mktemp("old"), tmp_path_factory.mktemp("copy")
    made.unpack(source)
    made.unpack(copy)
    with django_db_blocker.unblock(), database_of_its_own(copy) as connection:
        file = sqlite_file(source / "servelab.sqlite3", "old")
        with connected("old", file), connected("default", connection):
            old, rows = fill(connection, file)
            call_command("migrate", interactive=False, verbosity=0)
        file.close()
        yield Migrated(connection, old, rows, (source / "secret_key").read_text())


def sqlite_file(path: Path, alias: str) -> BaseDatabaseWrapper:
    backend = load_backend("django.db.backends.sqlite3")
    values = {**connections["default"].settings_dict, "NAME": str(path), "OPTIONS": {}}
    wrapper: BaseDatabaseWrapper = backend.DatabaseWrapper(values, alias)
    return wrapper


def fill(
    connection: BaseDatabaseWrapper, file: BaseDatabaseWrapper
) -> tuple[Apps, Rows]:
    """The old models and rows, which stand in the database afterwards.

    What the file has applied says which state of the migrations the old one is.
    """
    loader = MigrationExecutor(file).loader
    applied = list(loader.applied_migrations)
    old = loader.project_state(applied).apps
    if connection.vendor == "postgresql":
        MigrationExecutor(connection).migrate(applied)
        copy_rows(old, "old")
    rows = rows_of(old, "old")
    assert rows_of(old, "default") == rows
    return old, rows


@pytest.fixture
def database(db: None, migrated: Migrated, settings: Any) -> Iterator[Migrated]:
    """Where today's models and pages read; what a test changes is undone."""
    settings.SECRET_KEY = migrated.secret_key
    with connected("default", migrated.connection), transaction.atomic():
        yield migrated
        transaction.set_rollback(True)


@pytest.fixture
def ada(database: Migrated) -> str:
    """The learner id of the account."""
    return str(Learner.objects.get(user__email=made.EMAIL).learner_id)


@pytest.fixture
def fresh_schema(db: None) -> dict[str, Any]:
    return schema_of(connections["default"])


def schema_of(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Columns, keys and indexes of every table."""
    look = connection.introspection
    with connection.cursor() as cursor:
        return {
            table: (
                look.get_table_description(cursor, table),
                look.get_constraints(cursor, table),
            )
            for table in look.table_names(cursor)
        }


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return " ".join(response.text.split())


def test_every_table_keeps_every_row(database: Migrated) -> None:
    tables = {"courseware_user", "lab_challengeresult", "mentor_turn", "quizzes_answer"}
    assert all(database.rows[table] for table in tables)
    wanted = {**database.rows}
    wanted["django_content_type"] = [
        (
            key,
            "capacity" if (app, model) in {("lab", one) for one in MOVED} else app,
            model,
        )
        for key, app, model in wanted["django_content_type"]
    ]
    found = rows_of(database.old, "default")
    for table in ("django_content_type", "auth_permission"):
        # Models that came later have theirs after these.
        found[table] = found[table][: len(wanted[table])]
    assert found == wanted


def test_the_schema_is_that_of_a_fresh_database(
    fresh_schema: dict[str, Any], database: Migrated
) -> None:
    assert schema_of(database.connection) == fresh_schema


def test_permissions_go_with_the_models(database: Migrated) -> None:
    staff = User.objects.get(email=made.STAFF_EMAIL)
    assert Group.objects.get().name == made.GROUP
    assert staff.get_all_permissions() == {
        "capacity.view_challengeresult",
        "capacity.delete_classname",
    }
    moved = Permission.objects.filter(content_type__model__in=MOVED)
    assert moved.count() == 4 * len(MOVED)
    assert {one.content_type.app_label for one in moved} == {"capacity"}


def test_todays_models_read_what_was_handed_in(ada: str) -> None:
    results = ChallengeResult.objects.filter(learner_id=ada)
    assert {one.fleet["instances"] for one in results} == {1, 2}
    assert ChallengeResult.objects.count() == 3
    assert ClassName.objects.get(learner_id=ada).name == made.CLASS_NAME
    kept = KeptRequestFile.objects.get(learner_id=ada)
    requests = KeptRequestFile.rows(ada, kept.digest)
    assert requests is not None
    assert list(requests.times) == [0, 40, 90]
    assert list(requests.inputs) == [500, 500, 900]
    newer, older = RateMeasurement.objects.filter(learner_id=ada)
    fields = fields_of(older) or {}
    assert fields["decode_tokens_per_s"] == 50.0 and fields["slowdown_pct"] == 8.3
    assert fields_of(newer) is None


def test_todays_models_read_conversations_and_requests(ada: str) -> None:
    conversation = Conversation.objects.get(learner_id=ada)
    answered, failed, still_open = conversation.turns.all()
    assert (answered.question, failed.question, still_open.question) == made.QUESTIONS
    assert (answered.state, answered.answer) == (Turn.State.ANSWERED, made.ANSWER)
    assert answered.report["num_blocks"] == 12 and answered.passages
    assert (failed.state, failed.error) == (Turn.State.FAILED, made.REFUSAL)
    assert still_open.state == Turn.State.OPEN
    ended = EngineRequest.objects.get(request_id=answered.request_id)
    assert ended.finish_reason == "stop" and ended.report["num_prompt_tokens"] == 296


def test_todays_models_read_attempts(ada: str) -> None:
    closed = Attempt.objects.get(learner_id=ada, quiz_id=made.QUIZ)
    first, second, third = closed.first_tries()
    assert closed.is_closed and closed.score == pytest.approx(1 / 3)
    assert (first.outcome, second.outcome, third.outcome) == ("right", "wrong", "")
    assert first.num_hints == 1 and first.regrade().score == 1
    assert closed.latest(2).number == 2
    measured = Attempt.objects.open_of(ada, Quiz.objects.get(name=made.MEASURED))
    assert measured is not None
    states = list(measured.first_tries().values_list("state", flat=True))
    assert states == ["done", "running", "failed", "open", "open"]
    done = measured.latest(1)
    assert done.measurements.get().numbers["num_blocks"] == 12
    assert measured.latest(3).error == made.REFUSAL
    assert measured.latest(2).state == Answer.State.RUNNING


def test_the_account_signs_in_and_finds_everything(database: Migrated) -> None:
    client = Client(**BROWSER)
    fields = {"username": made.EMAIL, "password": made.PASSWORD}
    assert client.post("/account/sign-in/", fields).status_code == 302
    assert made.EMAIL in page(client, "/account/")
    challenge = page(client, "/lab/challenge/")
    assert "Your best:" in challenge and f'value="{made.CLASS_NAME}"' in challenge
    assert "(you)" in page(client, f"/lab/challenge/{made.SCENARIO}/")
    assert made.QUESTIONS[0] in page(client, "/mentor/")
    assert "3 of" in page(client, "/")


def test_who_was_signed_in_still_is(ada: str) -> None:
    [key] = [
        session.session_key
        for session in Session.objects.all()
        if session.get_decoded().get("learner_id") == ada
    ]
    client = Client(**BROWSER)
    client.cookies["sessionid"] = key
    assert made.EMAIL in page(client, "/account/")


def test_old_rows_are_forgotten_like_new_ones(ada: str) -> None:
    kept = KeptRequestFile.objects.get(learner_id=ada)
    requests = KeptRequestFile.rows(ada, kept.digest)
    assert requests is not None
    other = Learner.objects.filter(user=None).get().learner_id
    KeptRequestFile.keep(other, "again.csv", requests)
    forget_learner(ada)
    assert not ClassName.objects.exists() and not RateMeasurement.objects.exists()
    assert not Conversation.objects.exists()
    assert KeptRequestFile.objects.get().learner_id == other
    assert ChallengeResult.objects.get().learner_id == other
