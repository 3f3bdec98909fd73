"""Who knows the ids of another learner has nothing of theirs: each address, each form.

The addresses are those of tests/odd_forms.py, which has every form of the site, and the
pages beside them.
"""

from collections.abc import Iterator

import pytest
from django.test import Client

from lab import client as engine_client
from lab.models import KeptRecording
from mentor.models import Conversation
from quizzes.models import Answer, Attempt
from tests.lab.fake_engine import READY, FakeEngine
from tests.lab.shelf.conftest import file, storage
from tests.odd_forms import POSTS, Stranger
from tests.quizzes.conftest import BROWSER, bank

__all__ = ["bank", "file", "storage"]
OWNED = ("{attempt}", "{conversation}", "{recording}")
FORMS = [path for path in POSTS if any(owned in path for owned in OWNED)]
RECORDED = ("", "file/", "trace/", "steps/", "state/")
PAGES = [
    *("{attempt}", "{attempt}1/", "{attempt}finish/"),
    *("{conversation}export/", "/lab/replay/{recording}/"),
    *(f"/lab/recordings/{{recording}}/{end}" for end in RECORDED),
    *("/lab/whatif/{recording}/", "/lab/whatif/{recording}/how/"),
]
KEPT = (Attempt, Answer, Conversation, KeptRecording)


@pytest.fixture(autouse=True)
def engine(db: None) -> Iterator[None]:
    with engine_client.transport(FakeEngine(READY)):
        yield


def rows() -> dict[str, list[dict[str, object]]]:
    """All that is kept of anybody."""
    return {one.__name__: list(one.objects.order_by("pk").values()) for one in KEPT}


def another() -> Client:
    """A learner with a session of their own."""
    browser = Client(**BROWSER)
    browser.get("/privacy/")
    browser.post("/quiz/deploying-ai-models/start/")
    return browser


@pytest.mark.usefixtures("bank", "storage")
@pytest.mark.parametrize("template", FORMS)
def test_a_form_of_another_changes_nothing(template: str, file: bytes) -> None:
    owner = Stranger(template, file)
    path, browser = owner.path(), another()
    before = rows()
    assert browser.post(path, owner.fields()).status_code in (403, 404)
    assert rows() == before


@pytest.mark.usefixtures("bank", "storage")
@pytest.mark.parametrize("template", PAGES)
def test_a_page_of_another_is_not_there(template: str, file: bytes) -> None:
    owner = Stranger("/account/reset/", file)
    owner.template = template
    path, browser = owner.path(), another()
    assert owner.client.get(path).status_code in (200, 204, 302, 405)
    assert browser.get(path).status_code in (404, 405)
