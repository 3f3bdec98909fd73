"""What a question asks of database, cache and sentence model on its way."""

import gc

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courseware.counting import count_this_minute
from courseware.models import Chapter
from courseware.table_state import table_state
from lab.receipts.custody import Custody
from mentor import asking, course
from mentor.commands import Ask
from mentor.knowing import Finding, Passage, check, checking, find, foresee, remembered
from mentor.knowing.finding import in_course
from tests.mentor.knowing_course import small_course

MAX_STATEMENTS = 13
"""With BEGIN and COMMIT, without the course's own."""


@pytest.mark.django_db(transaction=True)
def test_the_first_question_of_a_conversation_asks_little_of_the_database(
    learner, chapter, engine
) -> None:
    with CaptureQueriesContext(connection) as asked:
        asking.ask(learner, Ask(None, "What is PagedAttention?"), "2" * 32)
    assert engine.submitted
    assert len(asked) <= MAX_STATEMENTS, [query["sql"][:90] for query in asked]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_question_reads_no_table_of_questions_from_end_to_end(
    learner, chapter, engine
) -> None:
    with CaptureQueriesContext(connection) as asked:
        asking.ask(learner, Ask(None, "What is PagedAttention?"), "2" * 32)
    plans = []
    with connection.cursor() as cursor:
        for sql in (query["sql"] for query in asked):
            if sql.startswith(("SELECT", "UPDATE")):
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plans += [(row[3], sql[:90]) for row in cursor.fetchall()]
    assert any("mentor_turn" in plan for plan, _ in plans)
    assert not [one for one in plans if one[0] == "SCAN mentor_turn"]


def test_a_question_is_embedded_once_though_it_is_foreseen_and_found() -> None:
    question = "What hapens to the KV cache of a request that has ended?"
    with in_course(small_course()):
        foresee(question)
        foreseen = dict(remembered._questions._vectors)
        find(question)
    assert remembered._questions._vectors.keys() == foreseen.keys()
    assert foreseen


def test_what_a_model_says_again_is_not_embedded_again() -> None:
    passage = Passage("Blocks", "/x/#blocks", "A block holds sixteen tokens.")
    said = "Sixteen tokens fit into one block, as this model says."
    first = check(said, Finding("answer", [passage]))
    known = dict(checking._said._vectors)
    other = Passage("Other", "/x/#other", "Sixteen tokens fit into one block.")
    again = check(said, Finding("answer", [passage, other]))
    assert said in known
    assert checking._said._vectors.keys() == known.keys()
    assert [row.text for row in first] == [row.text for row in again] == [said]


@pytest.mark.django_db(transaction=True)
async def test_a_question_is_foreseen_while_it_is_stored(
    learner, chapter, engine, browse, teacher
) -> None:
    browser = await browse(learner)
    await browser.ask("What is PagedAttention?")
    assert teacher.foreseen == ["What is PagedAttention?"]


def test_the_receipt_says_whether_the_queues_server_is_there_where_it_is_the_same() -> (
    None
):
    one, other = "redis://127.0.0.1:1/0", "redis://127.0.0.1:2/0"
    assert Custody(one).is_broker and Custody(one, one).is_broker
    assert not Custody(one, other).is_broker


def test_what_is_counted_ends_with_the_time_it_was_counted_for() -> None:
    cache.clear()
    assert [count_this_minute("x", "anna") for _ in range(3)] == [1, 2, 3]
    assert count_this_minute("x", "bert") == 1


def test_a_table_tells_when_it_has_changed(chapter) -> None:
    before = table_state(Chapter, "updated_at")
    assert table_state(Chapter, "updated_at") == before
    Chapter.objects.create(
        slug="another", title="Another", is_draft=True, position=9, minutes=1
    )
    number, _ = table_state(Chapter, "updated_at")
    assert number == before[0] + 1
    assert table_state(Chapter, "updated_at", only="is_draft")[0] == 1


def test_what_the_course_has_read_is_left_out_of_collections() -> None:
    course._keep_for_good()
    try:
        assert gc.get_freeze_count() > 10_000
        assert len(gc.get_objects()) < gc.get_freeze_count()
    finally:
        gc.unfreeze()
