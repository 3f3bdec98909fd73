"""Accounts: made, entered, left, found again, shut to guessers; progress goes along."""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client

from courseware import letters, progress
from courseware.learner import carry, learner_id_of
from courseware.loader import Report
from courseware.models import Chapter, Learner, User
from lab.models import EngineRequest
from mentor.models import Conversation
from tests.courseware.conftest import BROWSER

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


READ = "/chapters/deploying-ai-models/read/"
FORM = {
    "email": "Ada@Example.org",
    "password1": "a-long-sentence",
    "password2": "a-long-sentence",
}
SIGN_IN = {"username": "ada@example.org", "password": "a-long-sentence"}


def _num_read(client: Client) -> int:
    chapter = Chapter.objects.get()
    return len(progress.read_anchors(learner_id_of(client.session), chapter))


def _sign_up(client: Client) -> None:
    assert client.post("/account/sign-up/", FORM).headers["Location"] == "/account/"


def test_signing_up_keeps_the_learner_and_the_progress(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    learner_id = learner_id_of(reader.session)
    reader.post(READ, {"anchor": ["pagedattention", "cold-starts"]})
    _sign_up(reader)
    assert learner_id_of(reader.session) == learner_id
    assert Learner.objects.get().user == User.objects.get(email="ada@example.org")
    assert _num_read(reader) == 2
    assert "ada@example.org" in reader.get("/account/").text
    assert "2 of 9" in reader.get("/account/").text


def test_signing_in_elsewhere_joins_what_was_done_in_both_places(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    reader.post(READ, {"anchor": ["pagedattention", "cold-starts"]})
    _sign_up(reader)
    other = Client(**BROWSER)
    other.get("/")
    anonymous = learner_id_of(other.session)
    other.post(READ, {"anchor": ["cold-starts", "hardware"]})
    Conversation.objects.create(learner_id=anonymous, title="Paging")
    EngineRequest.objects.create(request_id="r", learner_id=anonymous, purpose="demo")
    other.post("/account/sign-in/", SIGN_IN)
    own = learner_id_of(reader.session)
    assert learner_id_of(other.session) == own != anonymous
    assert _num_read(other) == 3
    assert Conversation.objects.get().learner_id == own
    assert EngineRequest.objects.get().learner_id == own
    assert not Learner.objects.filter(learner_id=anonymous).exists()


def test_signing_out_leaves_nothing_of_the_account_in_the_browser(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    _sign_up(reader)
    own = learner_id_of(reader.session)
    reader.post(READ)
    answer = reader.post("/account/sign-out/")
    assert answer["Clear-Site-Data"] == '"storage"'
    reader.get("/")
    assert learner_id_of(reader.session) not in (None, own)
    assert _num_read(reader) == 0


def test_one_account_never_takes_the_learner_of_another(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    _sign_up(reader)
    own = learner_id_of(reader.session)
    reader.post("/account/sign-out/")
    told: list[str] = []

    def note(learner_id: str, **_: object) -> None:
        told.append(learner_id)

    carry.connect(note)
    try:
        reader.get("/")
        reader.post("/account/sign-up/", {**FORM, "email": "bob@example.org"})
    finally:
        carry.disconnect(note)
    assert told == []
    assert learner_id_of(reader.session) != own
    assert Learner.objects.get(learner_id=own).user.email == "ada@example.org"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": "nobody"}, "valid email"),
        ({"password2": "another"}, "password fields didn"),
        ({"password1": "short-words", "password2": "short-words"}, "too short"),
        ({"password1": "qwerty123456", "password2": "qwerty123456"}, "too common"),
    ],
)
def test_a_form_that_is_wrong_says_why(
    changes: dict[str, str], words: str, reader: Client, db
) -> None:
    response = reader.post("/account/sign-up/", {**FORM, **changes})
    assert response.status_code == 422 and words in response.text
    assert not User.objects.exists()


def test_an_address_has_one_account_whatever_its_case(reader: Client, db) -> None:
    User.objects.create_user("ada@example.org", "pw")
    response = reader.post("/account/sign-up/", FORM)
    assert response.status_code == 422
    assert "There is an account with this address" in response.text


def test_signing_up_can_be_turned_off(reader: Client, db, settings) -> None:
    settings.SIGNUP = False
    assert reader.get("/account/sign-up/").status_code == 404
    assert reader.post("/account/sign-up/", FORM).status_code == 404
    assert not User.objects.exists()
    assert "sign-up" not in reader.get("/account/sign-in/").text


def test_guessing_at_the_readers_door_locks_out(reader: Client, db) -> None:
    User.objects.create_user("ada@example.org", "a-long-sentence")
    for _ in range(5):
        response = reader.post("/account/sign-in/", {**SIGN_IN, "password": "guess"})
    assert response.status_code == 429 and "Too many attempts" in response.text
    assert reader.post("/account/sign-in/", SIGN_IN).status_code == 429


def test_a_few_mistakes_are_forgotten_with_the_right_password(
    reader: Client, db
) -> None:
    User.objects.create_user("ada@example.org", "a-long-sentence")
    for _ in range(2):
        for _ in range(4):
            reader.post("/account/sign-in/", {**SIGN_IN, "password": "guess"})
        assert reader.post("/account/sign-in/", SIGN_IN).status_code == 302
        reader.post("/account/sign-out/")


def test_signing_in_leads_on_within_the_site_only(reader: Client, db) -> None:
    User.objects.create_user("ada@example.org", "a-long-sentence")
    form = {**SIGN_IN, "next": "https://evil.example/"}
    assert reader.post("/account/sign-in/", form).headers["Location"] == "/"


def test_the_account_page_asks_to_sign_in(reader: Client, db) -> None:
    response = reader.get("/account/")
    assert response.headers["Location"] == "/account/sign-in/?next=/account/"


def test_a_letter_leads_to_a_new_password(reader: Client, db) -> None:
    User.objects.create_user("ada@example.org", "forgotten-sentence")
    reader.post("/account/reset/", {"email": "ADA@example.org"})
    letters.wait()
    (letter,) = mail.outbox
    assert letter.to == ["ada@example.org"]
    link = re.search(r"http://testserver(/\S+)", letter.body)
    assert link is not None
    form_page = reader.get(link[1], follow=True)
    new = {"new_password1": "a-long-sentence", "new_password2": "a-long-sentence"}
    reader.post(form_page.request["PATH_INFO"], new)
    assert reader.post("/account/sign-in/", SIGN_IN).status_code == 302
    assert "used already" in Client(**BROWSER).get(link[1], follow=True).text


def test_asking_for_a_letter_does_not_tell_who_has_an_account(
    reader: Client, db
) -> None:
    response = reader.post("/account/reset/", {"email": "nobody@example.org"})
    assert response.headers["Location"] == "/account/reset/sent/"
    letters.wait()
    assert mail.outbox == []


class SlowPost(BaseEmailBackend):
    """A mail server that takes a letter when it is told to."""

    may_go = threading.Event()
    taken: ClassVar[list[str]] = []

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        assert self.may_go.wait(timeout=60)
        self.taken.extend(one.to[0] for one in messages)
        return len(messages)


def test_no_clock_tells_who_has_an_account(reader: Client, db, settings) -> None:
    """The page does not wait for the mail server."""
    settings.EMAIL_BACKEND = f"{__name__}.SlowPost"
    User.objects.create_user("ada@example.org", "forgotten-sentence")
    reader.post("/account/reset/", {"email": "ada@example.org"})
    assert SlowPost.taken == []
    SlowPost.may_go.set()
    letters.wait()
    assert SlowPost.taken == ["ada@example.org"]


def test_deleting_my_data_deletes_my_account(reader: Client, course: Report) -> None:
    reader.get("/")
    _sign_up(reader)
    for password in ("", "guess"):
        answer = reader.post("/privacy/forget/", {"password": password})
        assert answer.status_code == 422 and "nothing was deleted" in answer.text
    assert User.objects.exists() and Learner.objects.exists()
    reader.post("/privacy/forget/", {"password": FORM["password1"]})
    assert not User.objects.exists() and not Learner.objects.exists()
    assert reader.get("/account/").status_code == 302


def test_a_staff_account_is_not_deleted_by_a_click(client: Client, db) -> None:
    staff = User.objects.create_superuser("staff@example.org", "pw")
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    client.post("/privacy/forget/", {"password": "pw"})
    assert User.objects.get() == staff


def test_an_old_hash_is_made_anew_at_the_next_sign_in(reader: Client, db) -> None:
    user = User.objects.create_user("ada@example.org")
    user.password = make_password("a-long-sentence", hasher="pbkdf2_sha256")
    user.save()
    assert reader.post("/account/sign-in/", SIGN_IN).status_code == 302
    user.refresh_from_db()
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    reader.post("/account/sign-out/")
    assert reader.post("/account/sign-in/", SIGN_IN).status_code == 302


def test_signing_out_everywhere_ends_every_other_session(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    _sign_up(reader)
    other = Client(**BROWSER)
    other.post("/account/sign-in/", SIGN_IN)
    own = learner_id_of(other.session)
    answer = reader.post("/account/sign-out/everywhere/", follow=True)
    assert "Every other browser is signed out" in answer.text
    assert other.get("/account/").status_code == 302
    assert learner_id_of(other.session) != own
    assert reader.get("/account/").status_code == 200


def test_a_new_password_signs_every_other_browser_out(reader: Client, db) -> None:
    User.objects.create_user("ada@example.org", "a-long-sentence")
    other = Client(**BROWSER)
    for client in (reader, other):
        client.post("/account/sign-in/", SIGN_IN)
    new = {"new_password1": "another-sentence", "new_password2": "another-sentence"}
    reader.post("/account/password/", {"old_password": "a-long-sentence", **new})
    assert reader.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


@pytest.fixture
def by_letter(settings) -> None:
    settings.SIGNUP_BY_LETTER = True


def test_by_letter_an_account_is_made_with_a_proven_address(
    reader: Client, course: Report, by_letter: None
) -> None:
    reader.get("/")
    learner_id = learner_id_of(reader.session)
    answer = reader.post("/account/sign-up/", {"email": "Ada@Example.org"})
    assert answer.headers["Location"] == "/account/sign-up/sent/"
    assert not User.objects.exists()
    link = re.search(r"http://testserver(/\S+)", mail.outbox[0].body)
    assert link is not None and "ada@example.org" in reader.get(link[1]).text
    forged = {**FORM, "email": "eve@example.org"}
    assert reader.post(link[1], forged).headers["Location"] == "/account/"
    assert User.objects.get().email == "ada@example.org"
    assert learner_id_of(reader.session) == learner_id
    assert Client(**BROWSER).get(link[1]).status_code == 404
    assert Client(**BROWSER).get(f"{link[1][:-2]}x/").status_code == 404


def test_the_link_of_a_letter_that_makes_an_account_holds_for_a_day(
    reader: Client, db, by_letter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.post("/account/sign-up/", {"email": "ada@example.org"})
    link = re.search(r"http://testserver(/\S+)", mail.outbox[0].body)
    now_s = time.time()
    assert link is not None and reader.get(link[1]).status_code == 200
    monkeypatch.setattr(time, "time", lambda: now_s + 86_500)
    assert reader.get(link[1]).status_code == 404
    assert reader.post(link[1], FORM).status_code == 404
    assert not User.objects.exists()


def test_by_letter_nobody_learns_who_has_an_account(
    reader: Client, db, by_letter: None
) -> None:
    User.objects.create_user("ada@example.org", "a-long-sentence")
    known, unknown = (
        reader.post("/account/sign-up/", {"email": f"{name}@example.org"}, follow=True)
        for name in ("ada", "bob")
    )
    assert known.text == unknown.text and known.status_code == 200
    assert ["There is one already" in one.body for one in mail.outbox] == [True, False]


def test_a_mail_server_that_says_nothing_is_given_up() -> None:
    backend: Any = mail.get_connection("django.core.mail.backends.smtp.EmailBackend")
    assert 0 < backend.timeout <= 10, "seconds; else a letter waits for ever"


def test_letters_and_accounts_have_limits(reader: Client, db, settings) -> None:
    settings.LIMITS = replace(
        settings.LIMITS, letters=2, letters_address=4, signups_address=1
    )
    User.objects.create_user("ada@example.org", "a-long-sentence")
    codes = [
        reader.post("/account/reset/", {"email": "ada@example.org"}).status_code
        for _ in range(5)
    ]
    letters.wait()
    assert codes == [302, 302, 302, 302, 429] and len(mail.outbox) == 2
    assert reader.post("/account/sign-up/", {"email": "x"}).status_code == 422
    answer = reader.post("/account/sign-up/", {"email": "x"})
    assert answer.status_code == 429 and "in an hour" in answer.text
    assert answer.headers["Retry-After"] == "3600"
    answer = reader.post("/account/reset/", {"email": "ada@example.org"})
    assert answer.headers["Retry-After"] == "3600"


def test_signing_in_begins_a_session_with_another_key(reader: Client, db) -> None:
    User.objects.create_user("ada@example.org", "a-long-sentence")
    reader.get("/privacy/")
    before = reader.session.session_key
    reader.post("/account/sign-in/", SIGN_IN)
    assert before and reader.session.session_key not in (None, before)


@pytest.mark.parametrize("typed", ["ſam@example.org", "SAM@EXAMPLE.ORG"])
def test_every_spelling_of_an_address_is_the_same_account(
    typed: str, reader: Client, db, settings
) -> None:
    """Signing in reads a long s as an s; so do signing up and the letters."""
    settings.LIMITS = replace(settings.LIMITS, letters=2)
    User.objects.create_user("sam@example.org", "a-long-sentence")
    taken = reader.post("/account/sign-up/", {**FORM, "email": typed})
    assert taken.status_code == 422 and User.objects.count() == 1
    for email in ("sam@example.org", typed, typed):
        reader.post("/account/reset/", {"email": email})
    letters.wait()
    assert [one.to for one in mail.outbox] == [["sam@example.org"]] * 2
    signed_in = {"username": typed, "password": "a-long-sentence"}
    assert reader.post("/account/sign-in/", signed_in).status_code == 302


def test_who_signs_up_in_somebody_s_name_keeps_no_new_password_from_them(
    reader: Client, db, settings, by_letter: None
) -> None:
    settings.LIMITS = replace(settings.LIMITS, letters=2)
    User.objects.create_user("ada@example.org", "a-long-sentence")
    for _ in range(3):
        reader.post("/account/sign-up/", {"email": "ada@example.org"})
    assert len(mail.outbox) == 2
    Client(**BROWSER).post("/account/reset/", {"email": "ada@example.org"})
    letters.wait()
    assert len(mail.outbox) == 3 and "/account/reset/" in mail.outbox[2].body


def test_tags_of_a_mailbox_get_no_more_letters_than_one_address(
    reader: Client, db, settings, by_letter: None
) -> None:
    settings.LIMITS = replace(settings.LIMITS, letters=2)
    for number in range(4):
        reader.post("/account/sign-up/", {"email": f"ada+{number}@example.org"})
    assert len(mail.outbox) == 2
    reader.post("/account/sign-up/", {"email": "ada@example.org"})
    assert mail.outbox[2].to == ["ada@example.org"], "its own name is nobody's to use"
