"""The sentence model: its tokens, its vectors, and where it comes from."""

import numpy as np
import pytest

from mentor.errors import NoSentenceModel
from mentor.knowing import model
from mentor.knowing.model import sentence_model
from mentor.knowing.spelling import Spelling, distance
from mentor.knowing.vectors import keys_of, vectors_of
from mentor.knowing.wordpiece import WordPiece

PIECES = "[PAD] [UNK] [CLS] [SEP] block ##s cafe ref _ cn ##t ##cn ? 日".split()


def test_words_are_cut_into_the_longest_pieces() -> None:
    tokens = WordPiece(PIECES)
    ids = tokens.encode("Blocks CAFÉ ref_cnt? 日 xyz", 20)
    shown = [PIECES[number] for number in ids]
    assert shown == ("[CLS] block ##s cafe ref _ cn ##t ? 日 [UNK] [SEP]".split())
    assert len(tokens.encode("block " * 50, 8)) == 8


def test_vectors_are_those_that_the_publisher_states() -> None:
    """The cosine of the first two is what sentence-transformers gives for them."""
    vectors = sentence_model().embed(
        ["This is an example sentence", "Each sentence is converted", "a cold start"]
    )
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0, :4], [0.0676, 0.0635, 0.0487, 0.0793], atol=5e-4)


def test_a_text_has_one_vector_whatever_stands_beside_it() -> None:
    one = sentence_model().embed(["What is a block?"])[0]
    among = sentence_model().embed(["so many", "What is a block?", "Who is it?"])[1]
    assert np.allclose(one, among, atol=1e-5)
    assert np.allclose(vectors_of(["What is a block?"])[0], one, atol=0.02)
    assert len(set(keys_of(["a", "b", "a"]).tolist())) == 2


def test_other_weights_are_refused(monkeypatch) -> None:
    monkeypatch.setitem(model.SHA256, "vocab.txt", "0" * 64)
    with pytest.raises(NoSentenceModel, match=r"vocab\.txt"):
        sentence_model.__wrapped__()


def test_misspelt_words_become_words_of_the_course() -> None:
    spelling = Spelling(["preemption of a block", "a block"], ["brake", "lock"])
    assert spelling.correct("premption of a blcok?") == "preemption of a block?"
    assert spelling.correct("a lock, a brake, GPT, xyzzy") == (
        "a lock, a brake, GPT, xyzzy"
    )


@pytest.mark.parametrize(
    ("one", "other", "away"),
    [("cache", "cahce", 1), ("block", "blok", 1), ("a", "abcd", 3), ("x", "x", 0)],
)
def test_letters_away(one: str, other: str, away: int) -> None:
    assert distance(one, other, 2) == away
