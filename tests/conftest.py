"""The surroundings of all tests: a Redis server and a DATA_DIR of their own.

Set before Django reads its settings, which is why pyproject.toml does not name them.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

DATA_DIR = Path(tempfile.mkdtemp(prefix="servelab-tests-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)


def start_redis() -> str:
    """Start a server that lives as long as this process; returns its URL."""
    from launcher import valkey

    directory = DATA_DIR / "redis"
    directory.mkdir()
    port, password = valkey.free_port(), "tests"
    process = subprocess.Popen(
        valkey.command(port, directory, password, keeps=False),
        stdout=subprocess.DEVNULL,
    )

    def stop() -> None:
        process.terminate()
        process.wait()

    atexit.register(stop)
    valkey.wait_until_ready(process, port, password)
    return valkey.url(port, password)


COMPILED = Path(__file__).resolve().parent.parent / "var" / "compiled"
"""The compiled simulator outlives a run of the tests; its place names its sources."""

os.environ["DATA_DIR"] = str(DATA_DIR)
os.environ.setdefault("NUMBA_CACHE_DIR", str(COMPILED))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 4)
OURS = ["DATA_DIR", "DJANGO_SETTINGS_MODULE"]
"""Variables that name the surroundings of this process."""
if not os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = start_redis()
    OURS.append("REDIS_URL")

import django  # noqa: E402
import pytest  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

assert DATA_DIR.resolve() == settings.DATA_DIR

# Now, because the conftest of an app named on the command line is read before
# pytest-django sets Django up.
django.setup()

if connection.vendor == "sqlite":
    # A file, as in use. The default, a database in memory that threads share, knows no
    # waiting: who comes while another thread reads gets "table is locked" at once.
    connection.settings_dict["TEST"]["NAME"] = str(DATA_DIR / "test.sqlite3")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Each worker of pytest -n makes surroundings of its own: none inherits these."""
    for name in OURS:
        os.environ.pop(name, None)


DATABASE_FIXTURES = {"db", "transactional_db"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use the database by a fixture are selected by -m django_db too."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if names & DATABASE_FIXTURES and not item.get_closest_marker("django_db"):
            item.add_marker(
                pytest.mark.django_db(transaction="transactional_db" in names)
            )
