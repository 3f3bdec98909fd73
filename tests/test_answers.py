"""Rules of docs/security.md that are asked of every answer, and of what may be sent."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.cache import cache
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.body_limit import MAX_BODY_BYTES
from courseware import letters
from courseware.learner import learner_id_of
from courseware.models import User
from courseware.uploads import CONFIG, RECORDING, REQUESTS
from lab import client as engine_client
from lab.models import KeptRecording
from mentor.models import Conversation
from tests.lab.fake_engine import READY, FakeEngine
from tests.lab.shelf.conftest import file, storage
from tests.odd_forms import FORMS, Stranger
from tests.quizzes.conftest import BROWSER, bank
from tests.repository import ROOT
from tests.test_security_rules import paths

__all__ = ["bank", "file", "storage"]
EMAIL, PASSWORD = "ann@example.org", "a-long-sentence"
TEXT = re.compile(r"text/|application/javascript|[\w./-]+\+xml|application/xml")
STATIC = ("css/site.css", "js/theme.js", "img/icon.svg")
NOT_COUNTED = {"Session", "Learner", "LogEntry", "AccessAttempt", "AccessLog"}
"""Rows that any visit may make or renew."""
REFUSED = (400, 409, 413, 422)


@pytest.fixture(autouse=True)
def engine(db: None) -> Iterator[None]:
    cache.clear()
    with engine_client.transport(FakeEngine(READY)):
        yield


def reader() -> Client:
    client = Client(**BROWSER)
    client.get("/privacy/")
    return client


def staff() -> Client:
    user = User.objects.create_superuser("staff@example.org", PASSWORD)
    client = Client(**BROWSER, raise_request_exception=False)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.usefixtures("bank")
def test_every_answer_says_its_type_and_text_its_charset() -> None:
    static = [
        f"/static/{path.relative_to(ROOT / 'static')}"
        for end in ("css", "js", "svg")
        for path in sorted((ROOT / "static").rglob(f"*.{end}"))[:3]
    ]
    assert len(static) > 5
    wrong, num_bodies = {}, 0
    for client in (staff(), reader()):
        for path in [*paths(), *static]:
            answer = client.get(path)
            if not body_of(answer):
                continue
            num_bodies += 1
            said = answer.headers.get("Content-Type", "")
            if not said or (
                TEXT.match(said)
                and "charset=utf-8" not in said.lower().replace('"', "")
            ):
                wrong[path] = (answer.status_code, said)
    assert num_bodies > 100
    assert wrong == {}


@pytest.mark.usefixtures("bank")
def test_every_answer_is_for_pages_of_this_site_alone() -> None:
    client = staff()
    for path in [*paths(), "/nothing"]:
        for method in (client.get, client.options):
            answer = method(path, headers={"Origin": "https://evil.example"})
            said = answer.headers
            assert "Access-Control-Allow-Origin" not in said, path
            policy = said["Content-Security-Policy"].split("; ")
            assert {"object-src 'none'", "base-uri 'none'"} <= set(policy), path
            assert {"frame-ancestors 'none'", "script-src 'self'"} <= set(policy), path
            assert said["X-Content-Type-Options"] == "nosniff", path
            assert said["Referrer-Policy"] == "same-origin", path
            assert said["Cross-Origin-Opener-Policy"] == "same-origin", path


def rows() -> dict[str, list[dict[str, Any]]]:
    """All that is kept, but what any visit may renew."""
    kept = [one for one in apps.get_models() if one.__name__ not in NOT_COUNTED]
    return {one._meta.label: list(one.objects.order_by("pk").values()) for one in kept}


@pytest.mark.usefixtures("bank", "storage")
def test_nothing_is_changed_by_asking(file: bytes) -> None:
    User.objects.create_user(EMAIL, "pw")
    for template in FORMS:
        one = Stranger(template, file)
        path, fields = one.path(), one.fields()
        if template == "/account/reset/{reset}/":
            continue  # its link was opened already: that is what it is for
        before = rows()
        for method in (one.client.get, one.client.head, one.client.options):
            method(path, fields)
        assert rows() == before, template


@pytest.mark.usefixtures("storage")
def test_what_somebody_brought_is_handed_out_as_a_file_of_its_kind(file: bytes) -> None:
    learner = reader()
    learner.post(
        "/lab/recordings/upload/",
        {"file": SimpleUploadedFile("../é; a=b\t<b>'.svlr", file)},
    )
    one = KeptRecording.objects.get()
    assert "/" not in one.title and "\n" not in one.title
    folders, names = storages["recordings"].listdir("")
    assert folders == [] and names
    assert all(name.startswith(one.recording_id) for name in names), names
    mine = learner_id_of(learner.session)
    conversation = Conversation.objects.create(learner_id=mine, title="<b>")
    for path, kind in {
        f"/lab/recordings/{one.recording_id}/file/": "application/octet-stream",
        f"/lab/recordings/{one.recording_id}/trace/": "application/json",
        f"/mentor/conversations/{conversation.pk}/export/": "text/markdown",
    }.items():
        answer = learner.get(path)
        assert answer.status_code == 200, path
        said = answer.headers["Content-Disposition"]
        assert re.fullmatch(r'attachment; filename="[\w.-]+"', said), said
        assert answer.headers["Content-Type"].split(";")[0] == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "a=b" not in str(answer.cookies)


UPLOADS = {
    "recording": ("/lab/recordings/upload/", "file", RECORDING, ""),
    "config.json": ("/lab/hardware/config/", "file", CONFIG, '{"hidden_size": 8}'),
    "hf_quant_config.json": ("/lab/hardware/config/", "quant_file", CONFIG, "{}"),
    "requests": (
        *("/lab/fleet/file/", "requests", REQUESTS),
        "timestamp,input,output\n1,2,3\n2,2,3\n",
    ),
}


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("kind", UPLOADS)
@pytest.mark.parametrize("name", ["mine.exe", "mine.svlr.php", "mine", "mine.zip"])
def test_a_file_of_another_kind_is_refused_by_its_name(
    kind: str, name: str, file: bytes
) -> None:
    path, field, ends, text = UPLOADS[kind]
    content = text.encode() or file
    fields = {field: SimpleUploadedFile(name, content), "pasted": '{"hidden_size": 8}'}
    answer = reader().post(path, fields)
    assert f"taken are files that end with {', '.join(ends)}" in answer.text
    assert not KeptRecording.objects.exists()


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("kind", UPLOADS)
@pytest.mark.parametrize("content", [b"MZ\x90\x00", b"PK\x03\x04" * 9, b"\x7fELF\x02"])
def test_a_file_is_read_as_what_its_name_says(kind: str, content: bytes) -> None:
    path, field, ends, _ = UPLOADS[kind]
    fields = {field: SimpleUploadedFile(f"mine{ends[0]}", content), "pasted": "{}"}
    answer = reader().post(path, fields)
    assert answer.status_code in (200, *REFUSED)
    assert not answer.headers.get("Location") and not KeptRecording.objects.exists()


def test_the_pages_offer_what_is_taken() -> None:
    offered = {
        name: set(
            re.findall(r'accept="([^"]+)"', (ROOT / "templates" / name).read_text())
        )
        for name in (
            "lab/recordings/shelf.html",
            "capacity/hardware/_own.html",
            "capacity/fleet/_sources.html",
        )
    }
    ends = [
        {end for one in found for end in one.split(",") if end.startswith(".")}
        for found in offered.values()
    ]
    assert ends == [set(RECORDING), set(CONFIG), set(REQUESTS)]


def test_what_was_sent_is_decoded_once() -> None:
    client = reader()
    assert (
        "<bdi>%3Cb%3E&amp;lt;</bdi>"
        in client.get("/search/?q=%253Cb%253E%26lt%3B").text
    )
    assert client.get("/account/%2e%2e/privacy/").status_code == 404
    assert client.get("/privacy%252F").status_code == 404


def test_a_form_is_what_its_body_says() -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    client = reader()
    query = f"?username={EMAIL}&password={PASSWORD}"
    assert client.post(f"/account/sign-in/{query}", {}).status_code == 200
    cookies = {"username": EMAIL, "password": PASSWORD}
    client.cookies.load(cookies)
    headers = {name.title(): value for name, value in cookies.items()}
    assert client.post("/account/sign-in/", {}, headers=headers).status_code == 200
    assert client.get(f"/account/sign-in/{query}").status_code == 200
    assert "_auth_user_id" not in client.session
    twice = {"username": ["x@example.org", EMAIL], "password": ["x", PASSWORD]}
    assert client.post("/account/sign-in/", twice).status_code == 302


def test_a_form_sets_what_it_shows_and_nothing_else(settings: Any) -> None:
    settings.SIGNUP_BY_LETTER = False
    more = {"is_staff": "on", "is_superuser": "on", "is_active": "", "id": "77"}
    form = {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD}
    assert reader().post("/account/sign-up/", {**form, **more}).status_code == 302
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert user.pk != 77


@pytest.mark.usefixtures("storage")
def test_a_name_is_all_that_renaming_changes(file: bytes) -> None:
    one = Stranger("/lab/recordings/{recording}/rename/", file)
    path = one.path()
    [before] = KeptRecording.objects.values()
    more = {
        "share_key": "x",
        "state": "failed",
        "learner_id": "a" * 32,
        "sentence": "x",
    }
    one.client.post(path, {"title": "Eight", **more})
    assert KeptRecording.objects.values().get() == {**before, "title": "Eight"}


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org\r\nBcc: eve@example.org",
        "ann@example.org\nSubject: x",
        "ann@example.org, eve@example.org",
        "ann@example.org\0",
    ],
)
def test_an_address_adds_nothing_to_a_letter(
    address: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIGNUP_BY_LETTER = True
    monkeypatch.setattr(
        letters, "beside", lambda send, *args, **more: send(*args, **more)
    )
    User.objects.create_user(EMAIL, PASSWORD)
    for path in ("/account/sign-up/", "/account/reset/"):
        assert reader().post(path, {"email": address}).status_code in (200, 422)
    assert mail.outbox == []
    reader().post("/account/reset/", {"email": EMAIL})
    [letter] = mail.outbox
    assert letter.recipients() == [EMAIL] and "\n" not in letter.subject


def test_nobody_is_led_to_another_site() -> None:
    User.objects.create_user(EMAIL, PASSWORD)
    form = {"username": EMAIL, "password": PASSWORD}
    for place in ("https://evil.example/", "//evil.example", "/\\evil.example", "x:y"):
        for path in ("/account/sign-in/", "/admin/login/"):
            answer = reader().post(path, {**form, "next": place})
            assert answer.headers["Location"].startswith("/"), place
            assert not answer.headers["Location"].startswith(("//", "/\\")), place
    answer = reader().get("//evil.example/%2e%2e")
    assert not answer.headers.get("Location", "").startswith(("//", "http"))


def test_the_largest_upload_is_below_the_limit_of_a_body() -> None:
    from lab.recordings import limits
    from planning.fleet.request_file import MAX_BYTES
    from planning.memory import config_json

    largest = max(limits.MAX_BYTES, MAX_BYTES, 2 * config_json.MAX_BYTES)
    assert largest < MAX_BODY_BYTES


def test_a_table_of_staff_is_read_as_it_was_written() -> None:
    answer = staff().get("/mentor/questions.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(body_of(answer).decode())))
