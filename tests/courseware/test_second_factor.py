"""A second factor: set up, asked for at sign-in, demanded of staff, removed."""

import random
import re
import time
from base64 import b32decode
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from courseware import letters
from courseware.learner import learner_id_of
from courseware.models import User
from tests.courseware.conftest import BROWSER

PASSWORD = "a-long-sentence"
ANN, STAFF = "ann@example.org", "staff@example.org"
PAGE = "/account/second-factor/"
STEP = "/account/sign-in/code/"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def accounts(db: None, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    User.objects.create_user(ANN, PASSWORD)
    User.objects.create_superuser(STAFF, PASSWORD)


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Iterator["Phone"]:
    yield Phone(monkeypatch)


class Phone:
    """An authenticator, with a clock that django-otp reads too: a new code when asked
    for one, as half a minute later."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.key = time.time(), b""
        monkeypatch.setattr(
            "django_otp.plugins.otp_totp.models.time.time", lambda: self.now_s
        )

    def read(self, page: str) -> None:
        """The secret in letters, as a person types it."""
        found = re.search(r"Secret: <code>([A-Z2-7 ]+)</code>", page)
        assert found is not None
        self.key = b32decode(found[1].replace(" ", ""))

    def code(self, ahead_s: int = 0) -> str:
        """The one it shows now, or will soon: half a minute ahead it is taken too."""
        totp = TOTP(self.key)
        totp.time = self.now_s + ahead_s
        return f"{totp.token():06}"

    def next_code(self) -> str:
        self.now_s += 30
        return self.code()


def browser(address: str = "203.0.113.5") -> Client:
    return Client(**BROWSER, REMOTE_ADDR=address)


def with_password(account: str = ANN, client: Client | None = None, **more: str) -> Any:
    client = client or browser()
    form = {"username": account, "password": PASSWORD, **more}
    return client, client.post("/account/sign-in/", form)


def enrolled(phone: Phone, account: str = ANN) -> tuple[Client, list[str]]:
    """A browser in which a factor was set up, and the backup codes it was shown."""
    client, _ = with_password(account)
    client.post(f"{PAGE}begin/", {"password": PASSWORD})
    phone.read(client.get(PAGE).text)
    answer = client.post(f"{PAGE}confirm/", {"code": phone.next_code()})
    return client, re.findall(r"<li><code>([a-z2-7-]+)</code>", answer.text)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


# Setting it up


def test_setting_it_up_shows_a_picture_the_secret_and_backup_codes_once(
    phone: Phone,
) -> None:
    client, _ = with_password()
    assert "QR code" not in client.get(PAGE).text
    client.post(f"{PAGE}begin/", {"password": PASSWORD})
    page = client.get(PAGE)
    assert "<svg" in page.text and "style=" not in page.text
    assert "no-store" in page.headers["Cache-Control"]
    phone.read(page.text)
    answer = client.post(f"{PAGE}confirm/", {"code": phone.next_code()})
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", answer.text)
    assert len(set(codes)) == 10
    again = client.get(PAGE).text
    assert not any(code in again for code in codes) and "10 backup codes left" in again
    assert "Secret:" not in again and is_in(client)


def test_it_takes_the_password_and_a_code_of_the_authenticator(phone: Phone) -> None:
    client, _ = with_password()
    answer = client.post(f"{PAGE}begin/", {"password": "guess"})
    assert answer.status_code == 422 and "not your password" in answer.text
    assert "Secret:" not in client.get(PAGE).text
    client.post(f"{PAGE}begin/", {"password": PASSWORD})
    phone.read(client.get(PAGE).text)
    wrong = "000000" if phone.code() != "000000" else "111111"
    for code in ("", "x", wrong):
        answer = client.post(f"{PAGE}confirm/", {"code": code})
        assert answer.status_code == 422 and "wrong" in answer.text
    assert not TOTPDevice.objects.exists() and not StaticToken.objects.exists()


def test_setting_it_up_signs_every_other_browser_out(phone: Phone) -> None:
    other, _ = with_password()
    here, _ = enrolled(phone)
    assert is_in(here) and not is_in(other)


def test_what_is_kept_of_a_backup_code_does_not_sign_in(phone: Phone) -> None:
    _, codes = enrolled(phone)
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == 10 and not kept & {code.replace("-", "") for code in codes}
    client, _ = with_password()
    assert client.post(STEP, {"code": kept.pop()}).status_code == 422


def test_secrets_and_codes_are_random(phone: Phone) -> None:
    found = []
    for account in (ANN, STAFF):
        random.seed(1)
        client, codes = enrolled(phone, account)
        assert client.get("/privacy/").status_code == 200
        found += [phone.key, *(code.replace("-", "") for code in codes)]
    assert len(set(found)) == 22
    keys, codes = [k for k in found if isinstance(k, bytes)], found[1:11]
    assert {len(key) for key in keys} == {20}, "160 bits"
    assert {len(code) for code in codes} == {24}, "120 bits"


# Signing in


def test_the_password_alone_signs_nobody_in(phone: Phone) -> None:
    enrolled(phone)
    client, answer = with_password()
    assert answer.headers["Location"] == STEP
    assert not is_in(client) and "sessionid" in client.cookies
    own = User.objects.get(email=ANN).learner.learner_id
    assert learner_id_of(client.session) != own
    assert "known_device" not in client.cookies


def test_a_code_signs_in_and_leads_on_within_the_site(phone: Phone) -> None:
    enrolled(phone)
    for asked, leads_to in (("/quiz/", "/quiz/"), ("https://evil.example/", "/")):
        client, _ = with_password(next=asked)
        before = client.session.session_key
        answer = client.post(STEP, {"code": phone.next_code()})
        assert answer.headers["Location"] == leads_to and is_in(client)
        assert client.session.session_key != before


def test_a_code_is_taken_once(phone: Phone) -> None:
    enrolled(phone)
    code = phone.next_code()
    first, _ = with_password()
    assert first.post(STEP, {"code": code}).status_code == 302
    second, _ = with_password()
    answer = second.post(STEP, {"code": code})
    assert answer.status_code == 422 and "used already" in answer.text
    assert not is_in(second)


def test_a_backup_code_is_taken_once_in_any_spelling(phone: Phone) -> None:
    _, codes = enrolled(phone)
    first, _ = with_password()
    typed = f" {codes[0].upper()} "
    assert first.post(STEP, {"code": typed}).status_code == 302 and is_in(first)
    assert "9 backup codes left" in first.get(PAGE).text
    second, _ = with_password()
    assert second.post(STEP, {"code": codes[0]}).status_code == 422


def test_a_code_holds_for_its_step_and_the_next_ones(phone: Phone) -> None:
    """Thirty seconds, and one step either way, since clocks differ."""
    enrolled(phone)
    for ahead_s, is_taken in ((-60, False), (90, False), (0, True)):
        phone.now_s += 300
        client, _ = with_password()
        client.post(STEP, {"code": phone.code(ahead_s)})
        assert is_in(client) == is_taken, ahead_s


def test_the_second_step_asks_for_the_first(phone: Phone) -> None:
    enrolled(phone)
    code = phone.next_code()
    for client in (browser(), with_password(STAFF)[0]):
        answer = client.post(STEP, {"code": code})
        assert answer.headers["Location"] == "/account/sign-in/"
    assert not is_in(browser())


def test_the_first_step_holds_for_five_minutes(phone: Phone) -> None:
    enrolled(phone)
    client, _ = with_password()
    phone.now_s += 299
    assert client.get(STEP).status_code == 200
    phone.now_s += 2
    assert client.get(STEP).headers["Location"] == "/account/sign-in/"


def test_the_first_step_ends_with_a_new_password(phone: Phone) -> None:
    enrolled(phone)
    client, _ = with_password()
    user = User.objects.get(email=ANN)
    user.set_password("another-sentence")
    user.save()
    answer = client.post(STEP, {"code": phone.next_code()})
    assert answer.headers["Location"] == "/account/sign-in/" and not is_in(client)


def test_a_letter_for_a_new_password_does_not_go_round_it(phone: Phone) -> None:
    enrolled(phone)
    client = browser()
    client.post("/account/reset/", {"email": ANN})
    letters.wait()
    link = mail.outbox[0].body.split("http://testserver")[1].split()[0]
    page = client.get(link, follow=True)
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    client.post(page.request["PATH_INFO"], new)
    assert not is_in(client)
    _, answer = with_password(client=client)
    assert answer.headers["Location"] == STEP and not is_in(client)


# Guessing


def guess(client: Client, times: int) -> list[int]:
    return [client.post(STEP, {"code": "abc"}).status_code for _ in range(times)]


def test_wrong_codes_are_slowed_down_as_wrong_passwords_are(phone: Phone) -> None:
    enrolled(phone)
    client, _ = with_password()
    assert guess(client, 6) == [422, 422, 422, 422, 422, 429]
    answer = client.post(STEP, {"code": phone.code(ahead_s=30)})
    assert answer.status_code == 429 and "The code was wrong too often" in answer.text
    assert int(answer.headers["Retry-After"]) > 0 and not is_in(client)
    again, _ = with_password()
    assert again.post(STEP, {"code": phone.code(ahead_s=30)}).status_code == 429


def test_nobody_locks_the_second_step_without_the_password(phone: Phone) -> None:
    enrolled(phone)
    stranger = browser()
    stranger.post("/account/sign-in/", {"username": ANN, "password": "guess"})
    assert set(guess(stranger, 60)) == {302}
    client, _ = with_password()
    assert client.post(STEP, {"code": phone.next_code()}).status_code == 302
    assert is_in(client)


def test_who_knows_the_password_keeps_a_known_browser_out_in_nothing(
    phone: Phone,
) -> None:
    own, _ = enrolled(phone)
    own.post("/account/sign-out/")
    thief, _ = with_password(client=browser("198.51.100.9"))
    assert guess(thief, 6)[-1] == 429
    with_password(client=own)
    assert own.post(STEP, {"code": phone.code(ahead_s=30)}).status_code == 302
    assert is_in(own)


def test_a_right_code_forgets_the_wrong_ones(phone: Phone) -> None:
    enrolled(phone)
    client = browser()
    for _ in range(3):
        with_password(client=client)
        assert guess(client, 4) == [422] * 4
        assert client.post(STEP, {"code": phone.next_code()}).status_code == 302
        client.post("/account/sign-out/")


def test_where_nothing_can_be_counted_no_code_is_looked_at(
    phone: Phone, settings: Any
) -> None:
    enrolled(phone)
    client, _ = with_password()
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    answer = client.post(STEP, {"code": phone.next_code()})
    assert answer.status_code == 503 and "just now" in answer.text
    assert not is_in(client)


# Staff


STAFF_PAGES = [
    "/admin/",
    "/mentor/questions/",
    "/quiz/statistics/",
    "/lab/staff/engines/",
]


@pytest.mark.parametrize("path", STAFF_PAGES)
def test_a_session_of_staff_that_has_not_passed_it_is_nobodys(
    path: str, phone: Phone
) -> None:
    enrolled(phone, STAFF)
    client = browser()
    client.force_login(User.objects.get(email=STAFF), BACKEND)
    answer = client.get(path)
    assert answer.status_code == 302 and "/login/" in answer.headers["Location"]
    assert not is_in(client)


@pytest.mark.parametrize("path", STAFF_PAGES)
def test_the_admins_door_asks_for_the_code_too(path: str, phone: Phone) -> None:
    enrolled(phone, STAFF)
    client = browser()
    form = {"username": STAFF, "password": PASSWORD}
    answer = client.post(f"/admin/login/?next={path}", form)
    assert answer.headers["Location"] == STEP
    assert client.get(path).status_code == 302
    answer = client.post(STEP, {"code": phone.next_code()})
    assert answer.headers["Location"] == path
    assert client.get(path).status_code == 200


def test_the_admin_shows_no_secret() -> None:
    client, _ = with_password(STAFF)
    assert client.get("/admin/").status_code == 200
    for app in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert client.get(f"/admin/{app}/").status_code == 404


def test_where_one_is_demanded_staff_set_it_up_first(
    phone: Phone, settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = True
    client, _ = with_password(STAFF)
    for path in (*STAFF_PAGES, "/account/", "/"):
        assert client.get(path).headers["Location"] == PAGE, path
    assert client.post("/lab/staff/pause/", {"paused": "yes"}).url == PAGE
    assert "Accounts of staff need one" in client.get(PAGE).text
    client, _ = enrolled(phone, STAFF)
    for path in STAFF_PAGES:
        assert client.get(path).status_code == 200, path
    learner, _ = with_password(ANN)
    assert is_in(learner)


def test_a_factor_that_was_removed_elsewhere_has_not_been_passed(
    phone: Phone, settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = True
    client, _ = enrolled(phone, STAFF)
    call_command("removefactor", STAFF, stdout=StringIO())
    assert client.get("/admin/").headers["Location"] == PAGE


# Its end


def test_removing_it_takes_the_password_and_a_code(phone: Phone) -> None:
    client, _ = enrolled(phone)
    other, _ = with_password()
    other.post(STEP, {"code": phone.next_code()})
    code = phone.next_code()
    assert is_in(other)
    for form in ({"password": "guess", "code": code}, {"password": PASSWORD}):
        assert client.post(f"{PAGE}remove/", form).status_code == 422
    assert TOTPDevice.objects.exists()
    answer = client.post(f"{PAGE}remove/", {"password": PASSWORD, "code": code})
    assert answer.headers["Location"] == "/account/"
    assert not TOTPDevice.objects.exists() and not StaticToken.objects.exists()
    assert is_in(client) and not is_in(other)
    again, _ = with_password()
    assert is_in(again)


def test_the_operator_lets_in_again_who_lost_theirs(phone: Phone) -> None:
    enrolled(phone)
    said = StringIO()
    call_command("removefactor", "ANN@example.org", stdout=said)
    assert "ann@example.org is removed" in said.getvalue()
    assert is_in(with_password()[0])
    with pytest.raises(CommandError, match="No account"):
        call_command("removefactor", ANN)


def test_deleting_the_account_deletes_it(phone: Phone) -> None:
    client, _ = enrolled(phone)
    client.post("/privacy/forget/", {"password": PASSWORD})
    assert not User.objects.filter(email=ANN).exists()
    assert not TOTPDevice.objects.exists() and not StaticToken.objects.exists()
    assert not Session.objects.filter(pk=client.session.session_key).exists()


def test_no_log_has_the_secret_or_a_code(
    phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    client, codes = enrolled(phone)
    client.post("/account/sign-out/")
    with_password(client=client)
    code = phone.next_code()
    client.post(STEP, {"code": code})
    secret = TOTPDevice.objects.get().key
    said = " ".join(str(record.msg) for record in caplog.records)
    assert STEP in said
    assert not [word for word in (secret, *codes, f"'{code}'") if word in said]


def test_the_privacy_page_names_it(client: Client) -> None:
    assert "hashes of the backup codes" in client.get("/privacy/").text
