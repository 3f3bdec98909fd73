"""What settings.py refuses is said by Django, which shows the sentence alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def settings_with(name: str, **variables: str) -> Any:
    """What a setting is in a process with these variables; JSON."""
    return all_settings_with([name], **variables)[name]


def all_settings_with(names: list[str], **variables: str) -> dict[str, Any]:
    """The same of several, by name."""
    told = ", ".join(f"{name!r}: s.{name}" for name in names)
    code = f"import config.settings as s, json; print(json.dumps({{{told}}}))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES cannot be read"),
        ("DEBUG", "maybe", "DEBUG is 'maybe': allowed are on and off."),
        ("RECORDINGS_STORAGE_OPTIONS", "[1]", "RECORDINGS_STORAGE_OPTIONS cannot be"),
        ("REDIS_URL", "localhost", "REDIS_URL is 'localhost': it starts with redis://"),
        ("BREACHED_PASSWORDS", "/no/file", "BREACHED_PASSWORDS is '/no/file': No such"),
        ("ALLOWED_HOSTS", "https://a.org/", "ALLOWED_HOSTS has 'https://a.org/'"),
        ("ALLOWED_HOSTS", "a.org,b.org:8000", "ALLOWED_HOSTS has 'b.org:8000'"),
        ("ALLOWED_HOSTS", "::1", "ALLOWED_HOSTS has '::1': allowed are names such as"),
        ("ALLOWED_HOSTS", "kürs.org", "ALLOWED_HOSTS has 'kürs.org'"),
        ("CSRF_TRUSTED_ORIGINS", "a.org", "CSRF_TRUSTED_ORIGINS has 'a.org': allowed"),
        ("CSRF_TRUSTED_ORIGINS", "https://a.org/", "CSRF_TRUSTED_ORIGINS has 'https:"),
    ],
)
def test_a_wrong_value_is_improperly_configured(tmp_path, name, value, says):
    answer = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATA_DIR": str(tmp_path),
            "RECORDINGS_STORAGE": "a.storage.Class",
            name: value,
        },
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    last_line = answer.stderr.splitlines()[-1]
    assert last_line.startswith(f"django.core.exceptions.ImproperlyConfigured: {says}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "*,.example.org,10.0.0.7,[2001:db8::1],my_host,xn--krs.de"),
        ("CSRF_TRUSTED_ORIGINS", "https://*.a.org,http://b:8000,https://[::1]:8443"),
    ],
)  # fmt: skip
def test_what_django_compares_with_is_taken(name: str, value: str) -> None:
    assert settings_with(name, **{name: value}) == value.split(",")


@pytest.mark.parametrize(
    ("name", "says"), [("static", "DATA_DIR is"), ("secret_key", "SECRET_KEY is not")]
)
def test_a_data_dir_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, name: str, says: str
) -> None:
    """Root writes everywhere: so something of another kind is in the way."""
    path = tmp_path / name
    path.mkdir() if name == "secret_key" else path.touch()
    variables = {k: v for k, v in os.environ.items() if k != "SECRET_KEY"}
    answer = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env={**variables, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    last_line = answer.stderr.splitlines()[-1]
    assert last_line.startswith(f"django.core.exceptions.ImproperlyConfigured: {says}")
    assert "cannot be" in last_line


def test_a_sqlite_file_may_lie_in_a_directory_of_any_name() -> None:
    url = "sqlite:////srv/C# 50% 'a' b@c/é.sqlite3"
    assert settings_with("DATABASES['default']['NAME']", DATABASE_URL=url) == url[10:]
