"""What docs/security.md lists is all there is: keys, hashes, connections, data."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core import signing
from django.test import Client, override_settings

from courseware.learner import learner_id_of
from courseware.models import User
from courseware.sessions import key_of_reader, reader_of
from tests.courseware.conftest import BROWSER
from tests.repository import ROOT, tracked
from tests.test_docs import settings_in

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NOT_THE_PRODUCT = ("tests", "benchmarks", "bundle")
CLIENTS = {
    *("aiohttp", "ftplib", "http", "httpx", "huggingface_hub", "imaplib", "openai"),
    *("paramiko", "psycopg", "redis", "requests", "smtplib", "socket", "urllib"),
    *("websockets", "xmlrpc"),
}
"""Packages that open a connection."""
HARMLESS = {
    *("redis.exceptions", "redis.RedisError", "urllib.parse", "urllib.error"),
    *("psycopg.errors", "psycopg.pq", "http.HTTPStatus", "http.cookies"),
}
"""Names in them that open none."""
SECRETS = re.compile("KEY|PASSWORD$|TOKEN$|SECRET|_URL")


def section(heading: str) -> str:
    """Text of the page below a heading of the second level."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def product() -> Iterator[tuple[Path, ast.Module]]:
    """Each Python file that runs in a service, and its tree."""
    for file in tracked():
        if file.suffix == ".py" and file.parts[0] not in NOT_THE_PRODUCT:
            path = Path(file)
            yield path, ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported_by(tree: ast.Module) -> set[str]:
    """Dotted names of modules, and of what is taken from them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def opens(name: str) -> bool:
    """Whether an imported name is that of a client of some network."""
    is_client = name.partition(".")[0] in CLIENTS
    return is_client and not any(name.startswith(one) for one in HARMLESS)


def test_every_module_that_opens_a_connection_is_listed():
    found = {
        str(path) for path, tree in product() if any(map(opens, imported_by(tree)))
    }
    listed = set(re.findall(r"`((?:\w+/)+\w+\.py)`", section("Connections")))
    assert len(found) > 10
    assert listed == found


def test_every_setting_with_a_secret_is_listed():
    read = {name for path, _ in product() for name in settings_in(ROOT / path)}
    wanted = {name for name in read if SECRETS.search(name)}
    listed = set(re.findall(r"`([A-Z_]{3,})`", section("Keys and secrets")))
    assert "SECRET_KEY" in wanted
    assert wanted - listed == set()


def hashes_of(tree: ast.Module) -> set[str]:
    """Hash functions that a module calls, and "hmac" for a keyed one with its own."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        named = {one.arg: ast.unparse(one.value) for one in node.keywords}
        if re.fullmatch(r"hashlib\.\w+", name):
            kind = name.removeprefix("hashlib.")
            kind = ast.literal_eval(node.args[1]) if kind == "file_digest" else kind
            weak = "" if named.get("usedforsecurity") != "False" else " (no security)"
            found.add(kind + weak)
        elif name in ("sha256", "sha512", "md5", "sha1", "blake2b"):
            found.add(name)
        elif name == "salted_hmac":
            found.add("HMAC-" + named.get("algorithm", "'sha1'").strip("'"))
    return found


def test_hash_functions_are_those_that_are_listed_and_none_is_broken():
    found = {kind for _, tree in product() for kind in hashes_of(tree)}
    assert found == {"sha256", "blake2b", "sha1 (no security)", "HMAC-sha256"}
    text = section("Keys and secrets")
    assert all(name in text for name in ("SHA-256", "BLAKE2b", "SHA-1", "Argon2id"))


def test_the_product_enciphers_nothing_by_itself():
    ciphers = ("cryptography", "Crypto", "Cryptodome", "nacl", "jwt", "jose")
    found = {
        (str(path), name)
        for path, tree in product()
        for name in imported_by(tree)
        if name.partition(".")[0] in ciphers
    }
    assert found == set()


def test_what_must_not_be_guessed_comes_from_the_systems_generator():
    """``random`` draws lessons, traffic and arrivals from a seed, and nothing else."""
    users = {
        str(path)
        for path, tree in product()
        if any(name.partition(".")[0] == "random" for name in imported_by(tree))
    }
    assert users == {
        *("lab/checkpoints/training.py", "lab/experiments/arrivals.py"),
        *("lab/management/commands/recordtraffic.py", "lab/traffic/recorded.py"),
        *("mentor/lessons.py", "mentor/management/commands/evalmentor.py"),
        *("quizzes/expressions.py", "quizzes/variants.py"),
    }


def test_every_table_of_the_database_has_its_class():
    listed = set(re.findall(r"`(\w+\.\w+)`", section("Data and how it is kept")))
    assert listed == {model._meta.label_lower for model in apps.get_models()}


def test_no_module_holds_a_password():
    found = [
        (str(path), ast.unparse(node))
        for path, tree in product()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and len(node.value.value) > 7
        and " " not in node.value.value
        and any(
            re.fullmatch(r".*(PASSWORD|SECRET_KEY|API_KEY)", ast.unparse(one))
            for one in node.targets
        )
    ]
    assert found == [("courseware/backups.py", "SECRET_KEY = 'secret_key'")]  # a file


# Signed values

OLD, NEW = (
    "an-old-key-of-more-than-32-characters",
    "a-new-key-of-more-than-32-characters",
)


@pytest.mark.django_db
def test_a_value_is_taken_for_what_it_was_signed_for_only():
    key = key_of_reader("a" * 32)
    assert reader_of(key) == "a" * 32
    for other in (signing.dumps("a" * 32), signing.TimestampSigner().sign("a" * 32)):
        assert reader_of(key[: key.index("a")] + other) is None


@pytest.mark.django_db
def test_a_value_names_no_algorithm_of_its_own():
    assert signing.Signer().algorithm == "sha256"
    key = key_of_reader("a" * 32)
    with override_settings(SECRET_KEY=NEW):
        assert reader_of(key) is None


@pytest.mark.django_db
def test_a_key_is_replaced_without_signing_anybody_out():
    with override_settings(SECRET_KEY=OLD):
        signed_in, reads = Client(**BROWSER), Client(**BROWSER)
        user = User.objects.create_user("ada@example.org", "a-long-sentence")
        signed_in.force_login(user)
        reads.get("/privacy/")
        learner_id = learner_id_of(reads.session)
    with override_settings(SECRET_KEY=NEW):
        assert signed_in.get("/account/").status_code == 302
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        signed_in.force_login(user)
    with override_settings(SECRET_KEY=OLD):
        signed_in.force_login(user)
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        assert signed_in.get("/account/").status_code == 200
        assert learner_id_of(reads.session) == learner_id


# What a server must not show

LEAKS = (
    *("/.git/config", "/.git/HEAD", "/.env", "/manage.py", "/config/settings.py"),
    *("/static/", "/static/js/", "/static/../config/settings.py", "/var/", "/docs/"),
    *("/static/%2e%2e/manage.py", "/secret_key", "/docker-compose.yml"),
)


@pytest.mark.django_db
@pytest.mark.parametrize("path", LEAKS)
def test_nothing_but_the_product_is_served(path: str):
    answer = Client(**BROWSER).get(path)
    assert answer.status_code == 404
    assert b"Directory" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/privacy/", "/account/sign-in/", "/lab/"])
def test_trace_is_refused(path: str):
    answer = Client(**BROWSER).generic("TRACE", path, HTTP_COOKIE="sessionid=x")
    assert answer.status_code == 405
    assert b"sessionid" not in answer.content


@pytest.mark.django_db
def test_debugging_is_off_unless_it_is_asked_for():
    assert settings.DEBUG is False
    answer = Client(**BROWSER).get("/no-such-page/")
    assert b"DEBUG" not in answer.content and b"urlpatterns" not in answer.content


def test_images_hold_no_history_and_no_environment():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", "var"} <= set(ignored)
    for path in (ROOT / "docker").glob("*.Dockerfile"):
        copied = re.findall(r"^COPY (?:--\S+ )*(\S+)", path.read_text(), re.M)
        assert "." not in copied and "./" not in copied, path
