"""The pages that work without JavaScript."""

import pytest
from django.urls import reverse

from courseware.learner import SESSION_KEY
from mentor.models import Conversation
from tests.lab.fake_engine import deliver, finished

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader(client, learner):
    session = client.session
    session[SESSION_KEY] = learner
    session.save()
    return client


@pytest.fixture
def conversation(learner, chapter, engine):
    turn = Conversation.objects.ask(learner, None, "What is <b>it</b>?", "a" * 32)
    deliver(finished(turn.request_id, "**Blocks** <script>alert(1)</script>"))
    return turn.conversation


def test_conversations_are_listed_and_read(reader, conversation):
    listed = reader.get(reverse("mentor:conversations")).content.decode()
    shown = reader.get(reverse("mentor:conversation", args=[conversation.pk]))
    page = shown.content.decode()
    assert "What is &lt;b&gt;it&lt;/b&gt;?" in listed
    assert "<strong>Blocks</strong>" in page
    assert "<script>alert" not in page


def test_a_conversation_is_deleted_by_one_button(reader, conversation):
    answer = reader.post(reverse("mentor:delete", args=[conversation.pk]))
    assert answer.url == reverse("mentor:conversations")
    assert not Conversation.objects.exists()


def test_others_see_and_delete_nothing(client, conversation):
    urls = [reverse(f"mentor:{n}", args=[conversation.pk]) for n in ("conversation",)]
    assert [client.get(url).status_code for url in urls] == [404]
    deleted = client.post(reverse("mentor:delete", args=[conversation.pk]))
    assert deleted.status_code == 404
    listed = client.get(reverse("mentor:conversations")).content.decode()
    assert "not asked anything yet" in listed
    assert Conversation.objects.count() == 1


def test_looking_does_not_delete(reader, conversation):
    url = reverse("mentor:delete", args=[conversation.pk])
    assert reader.get(url).status_code == 405
    assert Conversation.objects.count() == 1
