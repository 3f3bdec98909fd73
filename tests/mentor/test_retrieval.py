"""Which passages fit a question."""

from mentor.retrieval import (
    MAX_PASSAGE_CHARS,
    Passage,
    PassageIndex,
    joined_stems,
    split,
)

PAGED = Passage(
    "PagedAttention", "/#paged", "PagedAttention cuts the cache into blocks."
)
DEFINITION = Passage(
    "In short", "/#short", "PagedAttention is paging for the KV cache."
)
COLD = Passage("Cold starts", "/#cold", "A waking worker loads its weights.")
HARDWARE = Passage(
    "Hardware", "/#hardware", "GPU memory holds weights and the KV cache."
)
INDEX = PassageIndex([PAGED, COLD, HARDWARE])


def test_the_passage_with_the_words_of_the_question_is_found():
    assert INDEX.search("What is PagedAttention?") == [PAGED]


def test_plurals_and_split_names_are_found():
    assert INDEX.search("cold start?") == [COLD]
    assert INDEX.search("paged attention") == [PAGED]
    assert INDEX.search("the GPUs'") == [HARDWARE]
    assert joined_stems("paged attention now") == ["pagedattent", "attentionnow"]


def test_passages_come_in_the_order_of_the_chapter_whatever_their_rank():
    assert INDEX.search("GPU memory, weights and a waking worker") == [COLD, HARDWARE]
    assert INDEX.search("a waking worker loads GPU memory") == [COLD, HARDWARE]


def test_a_passage_that_says_what_a_word_is_comes_before_one_that_uses_it():
    index = PassageIndex([PAGED, DEFINITION])
    assert index.search("PagedAttention", limit=1) == [DEFINITION]


def test_a_rare_word_counts_more_than_a_frequent_one():
    many = [Passage("x", f"/#{n}", "memory memory") for n in range(5)]
    rare = Passage("y", "/#rare", "bandwidth")
    assert PassageIndex([*many, rare]).search("memory bandwidth", limit=1) == [rare]


def test_a_question_without_words_of_its_own_is_searched_with_the_one_before():
    assert INDEX.search("Why?", before="Cold starts are slow") == [COLD]
    assert INDEX.search("Why PagedAttention blocks?", before="Cold starts") == [PAGED]


def test_nothing_is_found_where_no_word_fits():
    assert INDEX.search("Who won the football match?") == []
    assert INDEX.search("") == []
    assert PassageIndex([]).search("PagedAttention") == []


def test_paragraphs_become_passages_and_headings_join_what_follows():
    text = "A heading\n" + "First paragraph. " * 15 + "\n" + "Second paragraph. " * 15
    first, second = split("t", "/u", text)
    assert first.text.startswith("A heading First paragraph.")
    assert second.text.startswith("Second") and "First" not in second.text


def test_no_passage_is_too_long_and_no_word_is_lost():
    text = "One sentence here. " * 100 + "\n" + "x" * 2_000
    passages = split("t", "/u", text)
    assert max(len(passage.text) for passage in passages) <= MAX_PASSAGE_CHARS
    rejoined = "".join("".join(p.text for p in passages).split())
    assert rejoined == "".join(text.split())
    assert split("t", "/u", "\n\n") == []
