"""A connection to PostgreSQL whose other end says nothing any more (SIGSTOP)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

ROOT = Path(__file__).resolve().parents[2]
IN_A_WORKER = """
import json, os, signal, time, django
django.setup()
from celery.signals import celeryd_init
from django.db import OperationalError, connection
from config.celery import app
from config.postgresql import Patience, wait_at_most
celeryd_init.send(None, instance=None, conf=app.conf, options={})
limits = [Patience.limit_s]
wait_at_most(4)  # a test does not wait for half a minute

def ask(question="SELECT pg_backend_pid()"):
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]

first = ask()
os.kill(first, signal.SIGSTOP)
said = []
try:
    ask()
except OperationalError as error:
    said.append("no answer")
connection.close()
try:
    ask()
except OperationalError as error:
    said.append(str(error))
os.kill(first, signal.SIGCONT)
for _ in range(100):
    try:
        said.append(ask() != first)
        break
    except OperationalError:
        time.sleep(0.2)
print(json.dumps([limits, said]))
"""


@pytest.mark.slow
def test_a_query_without_an_answer_ends_and_later_ones_are_answered() -> None:
    with postgres.cluster() as url:
        done = subprocess.run(
            [sys.executable, "-c", IN_A_WORKER],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    [limit], said = json.loads(done.stdout.splitlines()[-1])
    assert limit == 30
    assert said == ["no answer", "The server did not answer a moment ago.", True]
