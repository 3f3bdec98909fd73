"""Passwords of a file that the operator names are not taken."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.password_validation import get_password_validators
from django.core.cache import cache
from django.test import Client

from config.passwords import validators
from courseware.models import User
from lab.engine.environment import Environment
from lab.errors import SettingError

FOUND_OUT = "correct horse battery"
OTHERS = [f"a-long-sentence-{n}" for n in range(999)]
FORM = {"email": "ann@example.org"}


def hashes(words: list[str], end: str) -> str:
    made = sorted(hashlib.sha1(word.encode()).hexdigest().upper() for word in words)
    return "".join(f"{one}{end}" for one in made)


FILES = {
    "hashes and numbers": hashes([FOUND_OUT, *OTHERS], ":12\r\n"),
    "hashes": hashes([FOUND_OUT, *OTHERS], "\n"),
    "small letters": hashes([FOUND_OUT, *OTHERS], ":1\n").lower(),
    "words": "".join(f"{word}\n" for word in sorted([FOUND_OUT, *OTHERS, "größe"])),
    "words of Windows": "".join(f"{word}\r\n" for word in sorted([FOUND_OUT, *OTHERS])),
    "one hash without an end": hashes([FOUND_OUT], ""),
    "one word": FOUND_OUT,
}


def named(settings: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "found out.txt"
    path.write_bytes(text.encode())
    env = Environment({"BREACHED_PASSWORDS": str(path)})
    settings.AUTH_PASSWORD_VALIDATORS = validators(env)


def sign_up(reader: Client, password: str) -> Any:
    cache.clear()
    form = FORM | {"password1": password, "password2": password}
    return reader.post("/account/sign-up/", form)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_one_that_was_found_out_is_refused_and_others_are_taken(
    text: str, reader: Client, db: None, settings: Any, tmp_path: Path
) -> None:
    named(settings, tmp_path, text)
    answer = sign_up(reader, FOUND_OUT)
    assert answer.status_code == 422 and "found out at another site" in answer.text
    assert not User.objects.exists()
    assert sign_up(reader, f"{FOUND_OUT}!").status_code == 302


@pytest.mark.parametrize("name", ["hashes and numbers", "words"])
def test_each_line_of_the_file_is_found(
    name: str, settings: Any, tmp_path: Path
) -> None:
    named(settings, tmp_path, FILES[name])
    *_, last = get_password_validators(settings.AUTH_PASSWORD_VALIDATORS)
    for word in OTHERS:
        with pytest.raises(Exception, match="found out"):
            last.validate(word)
        last.validate(f"{word}x")
    for word in ("", "\x00", "\U0010ffff" * 20):
        last.validate(word)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("b\na\n", "not in the order of their bytes"),
        (f"{hashes(OTHERS, ':1')}"[:41] + "1\nnonsense\n", "something else"),
        ("\0" * 50_000, "no text of one password a line"),
        ("x" * 50_000, "no text of one password a line"),
    ],
)
def test_a_file_that_is_no_list_is_refused_at_the_start(
    text: str, says: str, settings: Any, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=says):
        named(settings, tmp_path, text)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="Is a directory"):
        validators(Environment({"BREACHED_PASSWORDS": str(tmp_path)}))
