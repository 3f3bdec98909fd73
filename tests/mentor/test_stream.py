"""The suffix of an answer that a browser lacks."""

from lab.messages import RequestEvent
from mentor.stream import AnswerStream


def event(text):
    return RequestEvent("r", "h", "decode", text=text).message()


def offsets(stream, *texts):
    updates = [stream.update(event(text)) for text in texts]
    return [(update["offset"], update["text"]) for update in updates]


def test_only_what_is_new_is_sent():
    stream = AnswerStream(1)
    assert offsets(stream, "a", "ab", "ab") == [(0, "a"), (1, "b"), (2, "")]


def test_a_lost_event_costs_nothing_because_each_carries_the_whole_text():
    assert offsets(AnswerStream(1), "a", "abc") == [(0, "a"), (1, "bc")]


def test_a_text_that_began_anew_replaces_the_old_one():
    assert offsets(AnswerStream(1), "old text", "new") == [(0, "old text"), (0, "new")]


def test_rewinding_sends_all_again():
    stream = AnswerStream(1)
    offsets(stream, "abc")
    stream.rewind()
    assert offsets(stream, "abcd") == [(0, "abcd")]
