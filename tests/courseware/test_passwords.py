"""Which passwords are taken, where they are asked for, and how they are compared."""

import gzip
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from config import passwords
from courseware.models import User
from lab.engine.environment import Environment
from tests.courseware.conftest import BROWSER
from tests.repository import ROOT

pytestmark = pytest.mark.slow
ANN, PASSWORD, NEW = "ann@example.org", "a-long-sentence", "another-sentence"
CHANGE = "/account/password/"


@pytest.fixture(autouse=True)
def ann(db: None, settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    return User.objects.create_user(ANN, PASSWORD)


def sign_in(password: str, account: str = ANN) -> Client:
    client = Client(**BROWSER)
    client.post("/account/sign-in/", {"username": account, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def is_taken(password: str) -> bool:
    """Whether an account is made with it."""
    cache.clear()
    User.objects.filter(email="bob@example.org").delete()
    form = {"email": "bob@example.org", "password1": password, "password2": password}
    answer = Client(**BROWSER).post("/account/sign-up/", form)
    return answer.status_code == 302


# Of what they are


ANY = [
    *("only small letters", "ONLY GREAT LETTERS", "830591726408", "!?.,;:-_#+*~"),
    *(
        " around it are blanks ",
        "tab\tand more",
        "größer als zwölf",
        "密码密码密码密码密码密码",
    ),
    *("🐢" * 12, "x7" * 32, "long " * 50 + "!", "'; DROP TABLE users; --"),
]


@pytest.mark.parametrize("password", ANY)
def test_any_characters_are_taken_and_compared_as_they_were_sent(password: str) -> None:
    assert is_taken(password)
    assert is_in(sign_in(password, "bob@example.org"))
    others = {password.strip(), password.lower(), password[:64], password[:-1]}
    for other in others - {password}:
        cache.clear()
        assert not is_in(sign_in(other, "bob@example.org")), other


def test_what_was_found_out_elsewhere_is_not_taken() -> None:
    words = gzip.decompress(passwords.FOUND_OUT.read_bytes()).decode().split("\n")
    least = dict(passwords.OF_DJANGO)["MinimumLengthValidator"]["min_length"]
    assert len({word for word in words if len(word) >= least}) == len(words) >= 40_000
    for word in (*words[7::4000], words[7].upper(), "qwertyqwerty", "1qaz2wsx3edc"):
        assert not is_taken(word), word


SITE = ["servelab2026!", "S3rv3lab-S3rv3lab", "mentor quiz course", "P@ssword12345"]


@pytest.mark.parametrize("password", SITE)
def test_words_of_the_site_are_too_little(password: str) -> None:
    assert not is_taken(password)
    client = sign_in(PASSWORD)
    form = {"old_password": PASSWORD, "new_password1": password}
    answer = client.post(CHANGE, {**form, "new_password2": password})
    assert "little more than words of this site" in answer.text


def test_words_of_the_site_beside_others_are_no_harm() -> None:
    assert is_taken("a quiz about purple turtles")


def test_the_operators_words_and_hosts_are_the_sites(settings: Any) -> None:
    env = Environment({"PASSWORD_WORDS": "Northgate College"})
    hosts = ["lernwelt.example.org", "127.0.0.1"]
    settings.AUTH_PASSWORD_VALIDATORS = passwords.validators(env, hosts)
    for password in ("northgate-2026", "College12345", "lernwelt.example"):
        assert not is_taken(password), password


def test_the_documentation_has_the_words() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    part = page.partition("### Passwords")[2].partition("\n## ")[0]
    listed = part.partition("Words of the site:")[2].partition(".")[0].split()
    assert [word.strip(",") for word in listed] == sorted(passwords.WORDS)


def test_no_password_ends_by_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    now: datetime = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=5 * 365))
    assert is_in(sign_in(PASSWORD))


# Where they are asked for


def change(client: Client, old: str | None) -> Any:
    form = {"new_password1": NEW, "new_password2": NEW}
    return client.post(CHANGE, form if old is None else {**form, "old_password": old})


@pytest.mark.parametrize("old", [None, "", "guess", NEW, PASSWORD.upper()])
def test_a_change_asks_for_the_old_one(old: str | None) -> None:
    change(sign_in(PASSWORD), old)
    assert is_in(sign_in(PASSWORD)) and not is_in(sign_in(NEW))


@pytest.mark.parametrize("path", [CHANGE, "/admin/password_change/"])
def test_the_old_one_is_not_guessed_at_an_open_browser(path: str, ann: User) -> None:
    ann.is_staff = True
    ann.save()
    client = sign_in(PASSWORD)
    form = {"new_password1": NEW, "new_password2": NEW}
    for number in range(5):
        answer = client.post(path, {**form, "old_password": f"guess {number}"})
    assert answer.status_code == 429
    assert client.post(path, {**form, "old_password": PASSWORD}).status_code == 429
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def pages(ann: User) -> list[str]:
    """Texts of all that ask for a password."""
    ann.is_staff = ann.is_superuser = True
    ann.save()
    stranger, client = Client(**BROWSER), sign_in(PASSWORD)
    ann.refresh_from_db()
    uid = urlsafe_base64_encode(force_bytes(ann.pk))
    link = f"/account/reset/{uid}/{default_token_generator.make_token(ann)}/"
    of_nobody = ["/account/sign-in/", "/account/sign-up/", "/admin/login/", link]
    own = [CHANGE, "/account/second-factor/", "/privacy/", "/admin/password_change/"]
    return [
        *(stranger.get(path, follow=True).text for path in of_nobody),
        *(client.get(path).text for path in own),
    ]


def test_fields_hide_it_and_managers_may_fill_them(ann: User) -> None:
    for text in pages(ann):
        fields = re.findall(r"<input[^>]*name=\"\w*password\w*\"[^>]*>", text)
        assert fields, text
        for field in fields:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field), field
            assert not re.search("maxlength|readonly|onpaste", field), field


def test_no_script_hinders_pasting() -> None:
    files = (ROOT / "static" / "js").rglob("*.js")
    assert [
        f.name for f in files if re.search("[\"']paste|onpaste", f.read_text())
    ] == []


def test_an_account_is_asked_for_nothing_that_others_know() -> None:
    """No hints, no secret questions."""
    names = {field.name for field in User._meta.get_fields()}
    names |= set(re.findall(r'name="(\w+)"', "".join(pages(User.objects.get()))))
    assert not [
        name for name in names if re.search("hint|question|answer|remind", name)
    ]
