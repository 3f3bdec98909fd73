"""A PostgreSQL that is down: who asks is told why at once, not when the pool's time is
over, and is answered soon after it is back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 600
"""More than a test waits: who waits for the pool's time would not come back."""
IN_A_PROCESS = f"""
import json, sys, threading, time, django
from django.conf import settings
settings.DATABASES["default"]["OPTIONS"]["pool"]["timeout"] = {LONG_S}
django.setup()
from django.db import OperationalError, connection

def ask(said):
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.05)")
        said.append("")
    except OperationalError as error:
        said.append(str(error))
    finally:
        connection.close()

def ask_at_once(number):
    said = []
    threads = [threading.Thread(target=ask, args=[said]) for _ in range(number)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return said

for line in sys.stdin:
    said = ask_at_once(int(line))
    while line.startswith("+") and any(said):
        time.sleep(0.2)
        said = ask_at_once(int(line))
    print(json.dumps(said), flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_who_asks_a_server_that_is_down_is_told_so_at_once() -> None:
    with postgres.cluster() as url:
        asking = subprocess.Popen(
            [sys.executable, "-c", IN_A_PROCESS],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "DJANGO_SETTINGS_MODULE": "config.settings",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert asking.stdin and asking.stdout

        def said(how_many: str) -> list[str]:
            assert asking.stdin and asking.stdout
            print(how_many, file=asking.stdin, flush=True)
            return list(json.loads(asking.stdout.readline()))

        try:
            before = said("20")
            with postgres.down(url):
                first = said("1")  # finds a connection of the pool dead
                many = [*said("30"), *said("30")]
            after = said("+30")
            with postgres.down(url):
                again = said("30")
            last = said("+30")
        finally:
            asking.kill()
            asking.communicate()
    assert not any(before) and not any(after) and not any(last)
    assert "Connection refused" in first[0]
    assert all(many) and all(again)
