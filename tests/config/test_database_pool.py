"""PostgreSQL: connections are a pool's, bounded, and found again by any thread."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.config.test_settings import settings_with

ROOT = Path(__file__).resolve().parents[2]
THREADS = """
import json, threading, django
django.setup()
from django.db import close_old_connections, connection
def ask():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found.add(cursor.fetchone()[0])
    connection.close()
found = set()
for _ in range(5):
    threads = [threading.Thread(target=ask) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(json.dumps(len(found)))
"""


def test_no_connection_is_kept_by_a_thread() -> None:
    url = "postgres://a:b@localhost/c"
    found = settings_with("DATABASES['default']", DATABASE_URL=url)
    assert "CONN_MAX_AGE" not in found or not found["CONN_MAX_AGE"]
    assert found["OPTIONS"]["pool"]["max_size"] == 20
    assert found["CONN_HEALTH_CHECKS"] is True


def test_how_the_url_wants_tls_is_kept() -> None:
    url = "postgres://a:b@localhost/c?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    options = settings_with("DATABASES['default']['OPTIONS']", DATABASE_URL=url)
    assert options["sslmode"] == "verify-full"
    assert options["sslrootcert"] == "/etc/ca.pem"
    assert options["pool"]["max_size"] == 20


def test_a_machine_that_is_gone_is_noticed_unless_the_url_says_otherwise() -> None:
    url = "postgres://a:b@localhost/c"
    ours = settings_with("DATABASES['default']['OPTIONS']", DATABASE_URL=url)
    assert (ours["connect_timeout"], ours["tcp_user_timeout"]) == (5, 15_000)
    url += "?connect_timeout=30"
    theirs = settings_with("DATABASES['default']['OPTIONS']", DATABASE_URL=url)
    assert int(theirs["connect_timeout"]) == 30
    assert theirs["keepalives_idle"] == ours["keepalives_idle"]


LIMITS = """
import django
django.setup()
from django.db import connection
import {process}
with connection.cursor() as cursor:
    cursor.execute("SHOW statement_timeout")
    print(cursor.fetchone()[0])
"""


@pytest.mark.slow
def test_the_server_ends_slow_queries_of_pages_and_none_of_commands() -> None:
    asked = (
        ("config.asgi", ""),
        ("config.asgi", "?options=-c%20statement_timeout%3D7s"),
        ("courseware.backups", ""),
    )
    with postgres.cluster() as url:
        told = [
            subprocess.run(
                [sys.executable, "-c", LIMITS.format(process=process)],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": url + options},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()[-1]
            for process, options in asked
        ]
    assert told == ["12s", "7s", "0"]


@pytest.mark.slow
def test_a_hundred_threads_share_three_connections() -> None:
    with postgres.cluster() as url:
        done = subprocess.run(
            [sys.executable, "-c", THREADS],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url, "DATABASE_CONNECTIONS": "3"},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert 1 <= json.loads(done.stdout) <= 3
