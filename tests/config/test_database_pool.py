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
