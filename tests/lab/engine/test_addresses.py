"""Addresses by URL or by parts: whatever a password holds stays in it."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import certifi
import environ
import pytest
import redis
from kombu.utils.url import parse_url

from lab.engine.addresses import address_of, celery_url
from lab.engine.environment import (
    Environment,
    database_parts,
    names_redis,
    redis_url,
)
from lab.errors import SettingError

PASSWORDS = [
    "plain", "p/a@s#s:w?d", "@", "a@b@c", "50%", "100%25", "%", "a b", "ü/é", "+&=;",
    "#comment", "/slash/", "::", "[x]", "'\"\\", "p%2Fq",
]  # fmt: skip


def env(**variables: str) -> Environment:
    return Environment(variables)


@pytest.mark.parametrize("password", PASSWORDS)
def test_redis_by_parts_keeps_a_password_as_it_is(password, tmp_path: Path) -> None:
    url = redis_url(env(REDIS_HOST="broker", REDIS_PASSWORD=password), tmp_path)
    assert urlsplit(url).hostname == "broker"
    told = redis.connection.parse_url(url)
    assert (told["host"], told["port"], told["db"]) == ("broker", 6379, 0)
    assert told["password"] == password
    told = parse_url(url)
    assert (told["hostname"], told["password"]) == ("broker", password)


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_url_keeps_a_quoted_password(password, tmp_path: Path) -> None:
    given = f"redis://me:{quote(password, safe='')}@broker:7000/2"
    told = redis.connection.parse_url(redis_url(env(REDIS_URL=given), tmp_path))
    assert (told["username"], told["password"]) == ("me", password)
    assert (told["host"], told["port"], told["db"]) == ("broker", 7000, 2)


@pytest.mark.parametrize("password", [p for p in PASSWORDS if p == unquote(p)])
def test_a_url_takes_a_password_that_nobody_quoted(password, tmp_path: Path) -> None:
    given = f"redis://:{password}@broker:6379/0"
    told = redis.connection.parse_url(redis_url(env(REDIS_URL=given), tmp_path))
    assert (told["host"], told["password"]) == ("broker", password)
    url = f"postgres://me:{password}@base:5433/course"
    found = environ.Env.db_url_config(address_of(url).url)
    assert (found["HOST"], found["PORT"]) == ("base", 5433)
    assert (found["USER"], found["PASSWORD"]) == ("me", password)
    assert found["NAME"] == "course"


@pytest.mark.parametrize(
    "password", [" a", "a ", " ", "a  b", "\u00a0a", "'a\"", "$a$$b"]
)
def test_a_password_by_parts_is_taken_as_it_is(password: str, tmp_path: Path) -> None:
    given = {"REDIS_HOST": "h", "REDIS_PASSWORD": password}
    told = redis.connection.parse_url(redis_url(env(**given), tmp_path))
    assert told["password"] == password
    found = database_parts(env(DATABASE_HOST="h", DATABASE_PASSWORD=password + "\n"))
    assert found is not None and found["PASSWORD"] == password


def test_which_of_the_addresses_is_wrong_is_said(tmp_path: Path) -> None:
    given = {"REDIS_URL": "redis://h", "REDIS_CACHE_URL": "h:6379"}
    redis_url(env(**given), tmp_path)
    redis_url(env(**given), tmp_path, "REDIS_LAYER_URL")
    with pytest.raises(SettingError, match=r"^REDIS_CACHE_URL is 'h:6379'"):
        redis_url(env(**given), tmp_path, "REDIS_CACHE_URL")


def test_the_database_by_parts() -> None:
    found = database_parts(env(DATABASE_HOST="base", DATABASE_PASSWORD="a/b@c"))
    assert found is not None
    assert (found["HOST"], found["PASSWORD"]) == ("base", "a/b@c")
    assert database_parts(env()) is None


@pytest.mark.parametrize(
    ("given", "broker"),
    [
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0"),
        ("unix://:p%2Fw@/run/r.sock?db=3",
         "redis+socket://:p%2Fw@/run/r.sock?virtual_host=3"),
        ("redis://h:1/0", "redis://h:1/0"),
    ],
)  # fmt: skip
def test_celery_gets_a_socket_in_its_own_words(given, broker, tmp_path) -> None:
    assert celery_url(redis_url(env(REDIS_URL=given), tmp_path)) == broker


def test_tls_is_verified_by_every_client(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(Path(certifi.where()).read_text())
    url = redis_url(env(REDIS_URL="rediss://h/0", REDIS_CA=str(authority)), tmp_path)
    told = redis.connection.parse_url(url)
    assert (told["ssl_cert_reqs"], told["ssl_check_hostname"]) == ("required", True)
    assert told["ssl_ca_certs"] == str(authority)
    told = parse_url(url)["ssl"]
    assert told["ssl_cert_reqs"].name == "CERT_REQUIRED"
    assert told["ssl_check_hostname"] is True
    url = redis_url(env(REDIS_HOST="h", REDIS_TLS="on"), tmp_path)
    assert url.startswith("rediss://h:6379/0?ssl_cert_reqs=required")


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"REDIS_URL": "rediss://h/0?ssl_cert_reqs=none"}, "always verified"),
        ({"REDIS_URL": "rediss://h/0?ssl_cert_reqs=CERT_OPTIONAL"}, "always verified"),
        ({"REDIS_URL": "rediss://h/0?ssl_check_hostname=false"}, "always verified"),
        ({"REDIS_URL": "rediss://h/0", "REDIS_CA": "/no/file"}, "no such file"),
        ({"REDIS_URL": "http://:secret@h"}, "it starts with redis://"),
        ({"REDIS_URL": "redis:secret@h"}, "it starts with redis://"),
        ({"REDIS_HOST": "h", "REDIS_PORT": "x"}, "REDIS_PORT"),
        ({"REDIS_URL": "mysql://:secret://x@h"}, "it starts with redis://"),
        ({"REDIS_URL": "redis:x://secret@h"}, "it starts with redis://"),
        ({"REDIS_URL": "http://h?password=secret"}, "it starts with redis://"),
        ({"REDIS_URL": "rediss://:secret@h/0?ssl_ca_certs=/no/file"}, "no such file"),
        ({"REDIS_URL": "rediss://:secret@h/0", "REDIS_CA": __file__}, "no certificate"),
        ({"REDIS_URL": "unix://:secret@run/r.sock"}, "its whole path"),
        ({"REDIS_URL": "unix://run/r.sock"}, "its whole path"),
        ({"REDIS_URL": "unix://:secret@/"}, "its whole path"),
        ({"REDIS_URL": "unix:///run/r.sock?db=one"}, "its database is a number"),
        ({"REDIS_URL": "redis://:secret@h/lab"}, "its database is a number"),
        ({"REDIS_URL": "redis://:secret@h:x/0"}, "host and port cannot be read"),
        ({"REDIS_URL": "redis://:secret@h:70000"}, "host and port cannot be read"),
        ({"REDIS_URL": "redis://:secret@[::1/0"}, "host and port cannot be read"),
    ],
)
def test_what_is_refused_names_no_password(variables, says, tmp_path) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        redis_url(env(**variables), tmp_path)
    assert "secret" not in str(caught.value)


def test_a_server_of_ones_own_is_started_only_where_none_is_named(tmp_path) -> None:
    assert not names_redis(env())
    assert names_redis(env(REDIS_URL="redis://h"))
    assert names_redis(env(REDIS_HOST="h"))
    (tmp_path / "redis_url").write_text("redis://:a-b_c@127.0.0.1:7/0")
    assert redis_url(env(), tmp_path) == "redis://:a-b_c@127.0.0.1:7/0"
    assert redis_url(env(REDIS_HOST="::1"), tmp_path) == "redis://[::1]:6379/0"
