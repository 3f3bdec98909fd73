"""What a page may load, cookies, and the door of the admin."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client

from courseware.loader import Report
from courseware.models import User

ROOT = Path(__file__).resolve().parents[2]
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.mark.parametrize("path", ["/", "/privacy/", "/nothing", "/admin/login/"])
def test_every_page_says_what_it_may_load(
    path: str, reader: Client, course: Report
) -> None:
    policy = reader.get(path).headers["Content-Security-Policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'self'"
    assert directives["img-src"] == "'self' data:"
    assert directives["connect-src"] == "'self'"
    assert directives["object-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"
    assert directives["form-action"] == "'self'"


def test_other_protections_are_on(reader: Client, course: Report) -> None:
    response = reader.get("/")
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    cookie = response.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline() -> None:
    templates = sorted((ROOT / "templates").rglob("*.html"))
    assert len(templates) > 20
    for path in templates:
        text = path.read_text(encoding="utf-8")
        loads = re.findall(r'(?:src|action|poster|data)="(https?:)?//', text)
        assert not loads, path
        assert not re.search(r"<link[^>]*href=\"(https?:)?//", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path


def test_style_sheets_load_only_our_own_files() -> None:
    sheets = sorted((ROOT / "static" / "css").glob("*.css"))
    assert len(sheets) >= 2
    for path in sheets:
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"url\(\s*['\"]?([^'\")]+)", text):
            assert not re.match(r"(https?:)?//", target), f"{path}: {target}"
            if not target.startswith("data:"):
                assert (path.parent / target).resolve().exists(), f"{path}: {target}"
        assert "@import" not in text, path


def test_the_deployment_check_is_clean_behind_tls() -> None:
    environment = {**os.environ, "BEHIND_TLS": "on", "DEBUG": "off"}
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


def test_guessing_passwords_is_locked_out(client: Client, db) -> None:
    User.objects.create_superuser("staff@example.org", "right-password")
    wrong = {"username": "staff@example.org", "password": "guess"}
    for _ in range(5):
        response = client.post("/admin/login/", wrong)
    assert response.status_code == 429
    assert "Too many attempts" in response.text
    right = {**wrong, "password": "right-password"}
    assert client.post("/admin/login/", right).status_code == 429


def test_an_account_is_known_by_its_e_mail_address(client: Client, db) -> None:
    User.objects.create_superuser("Staff@Example.org", "right-password")
    form = {"username": "STAFF@example.ORG", "password": "right-password"}
    response = client.post("/admin/login/?next=/admin/", form)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


def test_an_account_needs_an_address(db) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        User.objects.create_user("", "pw")
