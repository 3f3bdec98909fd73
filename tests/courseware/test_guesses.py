"""Whoever guesses passwords waits, by whatever spelling or header; nobody else does."""

from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from courseware import counting, letters
from courseware.guesses import FIRST_WAIT_S
from courseware.models import User
from tests.courseware.conftest import BROWSER

ADDRESS, PASSWORD = "ada@example.org", "a-long-sentence"
RIGHT, WRONG = 302, 200


@pytest.fixture(autouse=True)
def ada(db: None, settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    return User.objects.create_user(ADDRESS, PASSWORD)


def browser(address: str = "203.0.113.5") -> Client:
    return Client(**BROWSER, REMOTE_ADDR=address)


def try_it(
    client: Client, password: str = "guess", account: str = ADDRESS, **headers: str
) -> Any:
    form = {"username": account, "password": password}
    return client.post("/account/sign-in/", form, headers=headers)


def guess(client: Client, times: int, **more: str) -> list[int]:
    return [try_it(client, **more).status_code for _ in range(times)]


def test_after_five_guesses_there_is_a_wait_and_its_end_is_said() -> None:
    here = browser()
    assert guess(here, 5) == [200, 200, 200, 200, 429]
    answer = try_it(here, PASSWORD)
    assert answer.status_code == 429 and "in 1 minute;" in answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= FIRST_WAIT_S


@pytest.mark.parametrize(
    "account",
    ["ADA@example.org", " ada@EXAMPLE.org ", "ａｄａ@example.org", "aDa@Example.Org"],
)
def test_no_spelling_of_the_address_goes_round_it(account: str) -> None:
    here = browser()
    guess(here, 4)
    assert guess(here, 1, account=account) == [429]
    assert try_it(here, PASSWORD, account).status_code == 429


def test_no_header_goes_round_it() -> None:
    here = browser()
    codes = [
        try_it(here, **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(6)
    ]
    assert codes == [200, 200, 200, 200, 429, 429]


def test_a_wait_ends_and_the_next_one_is_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[int] = []
    monkeypatch.setattr(
        counting.cache, "set", lambda key, until, timeout: waits.append(timeout)
    )
    guess(browser(), 12)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_what_others_guess_keeps_no_known_browser_out() -> None:
    own = browser()
    assert try_it(own, PASSWORD).status_code == RIGHT
    own.post("/account/sign-out/")
    guess(browser(), 6)
    assert try_it(browser(), PASSWORD).status_code == 429
    assert try_it(own, PASSWORD).status_code == RIGHT


def test_a_class_at_one_address_is_not_locked_out_by_its_mistakes() -> None:
    for n in range(40):
        User.objects.create(email=f"pupil{n}@example.org", password="!")
        guess(browser(), 3, account=f"pupil{n}@example.org")
    assert try_it(browser(), PASSWORD).status_code == RIGHT


def test_a_neighbour_in_the_class_delays_nobody_at_another_address() -> None:
    guess(browser(), 6)
    assert try_it(browser("198.51.100.9"), PASSWORD).status_code == RIGHT


def test_many_guessers_of_one_account_are_slowed_down_together(settings: Any) -> None:
    known = browser("192.0.2.99")
    try_it(known, PASSWORD)
    known.post("/account/sign-out/")
    codes = [guess(browser(f"192.0.2.{n // 4}"), 1)[0] for n in range(60)]
    assert codes[:49] == [200] * 49 and set(codes[49:]) == {429}
    assert try_it(known, PASSWORD).status_code == RIGHT


def test_one_guesser_of_many_accounts_is_slowed_down(settings: Any) -> None:
    codes = [guess(browser(), 1, account=f"a{n}@example.org")[0] for n in range(310)]
    assert codes.index(429) == 299


def test_a_cookie_of_another_account_helps_nobody() -> None:
    User.objects.create_user("eve@example.org", PASSWORD)
    eve = browser()
    assert try_it(eve, PASSWORD, "eve@example.org").status_code == RIGHT
    eve.post("/account/sign-out/")
    assert guess(eve, 6)[-1] == 429
    eve.cookies["known_device"] = "W1siYSIsImIiXV0:forged:forged"
    assert guess(eve, 1) == [429]


def test_a_known_browser_can_guess_no_more_than_others() -> None:
    own = browser()
    try_it(own, PASSWORD)
    own.post("/account/sign-out/")
    assert guess(own, 6)[-2:] == [429, 429]


def test_the_right_password_forgets_what_was_wrong() -> None:
    here = browser()
    for _ in range(3):
        guess(here, 4)
        assert try_it(here, PASSWORD).status_code == RIGHT
        here.post("/account/sign-out/")


def test_a_letter_leads_in_past_every_wait() -> None:
    here = browser()
    guess(here, 6)
    here.post("/account/reset/", {"email": ADDRESS})
    letters.wait()
    link = mail.outbox[0].body.split("http://testserver")[1].split()[0]
    page = here.get(link, follow=True)
    new = {"new_password1": "another-sentence", "new_password2": "another-sentence"}
    here.post(page.request["PATH_INFO"], new)
    assert try_it(here, "another-sentence").status_code == RIGHT


@pytest.fixture
def without_cache(settings: Any) -> None:
    counting.ALONE.clear()
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }


@pytest.mark.usefixtures("without_cache")
def test_while_the_cache_is_away_the_right_password_still_works() -> None:
    assert guess(browser(), 1) == [200]
    assert try_it(browser(), PASSWORD).status_code == RIGHT
    assert guess(browser(), 4) == [200] * 4


@pytest.mark.usefixtures("without_cache")
def test_while_the_cache_is_away_a_process_counts_for_itself() -> None:
    here = browser()
    assert guess(here, 5) == [200, 200, 200, 200, 429]
    answer = try_it(here, PASSWORD)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    assert try_it(browser("198.51.100.7"), PASSWORD).status_code == RIGHT
