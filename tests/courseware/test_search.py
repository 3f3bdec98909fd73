"""Search: what is found, in which order, and what a query cannot do."""

import pytest
from django.test import Client

from courseware import search
from courseware.loader import Report, load_chapters
from courseware.search import Entry, Index
from courseware.words import WordIndex, content_stems, stem
from tests.courseware.conftest import Load


def _index(*texts: str) -> Index:
    return Index(Entry(f"T{i}", "P", f"/{i}", text) for i, text in enumerate(texts))


def _found(index: Index, query: str) -> list[str]:
    return [hit.entry.url for hit in index.find(query)]


def test_every_word_of_the_query_must_be_there() -> None:
    index = _index("the block pool", "the pool", "a block")
    assert _found(index, "pool block") == ["/0"]


def test_more_often_and_shorter_ranks_first() -> None:
    index = _index("block " + "word " * 50, "block block word", "block word")
    assert _found(index, "block") == ["/1", "/2", "/0"]


def test_a_title_counts_more_than_a_mention() -> None:
    entries = [
        Entry("Other", "P", "/0", "paging and more"),
        Entry("Paging", "P", "/1", "x"),
    ]
    assert _found(Index(entries), "paging")[0] == "/1"


@pytest.mark.parametrize(
    "query", ["Blocks", "BLOCK", "bloc", "“block”", "blöck", "block!"]
)
def test_forms_of_a_word_are_one(query: str) -> None:
    assert _found(_index("one block here", "none"), query) == ["/0"]


def test_only_the_last_word_may_be_unfinished() -> None:
    index = _index("paged attention")
    assert _found(index, "paged atten") == ["/0"]
    assert _found(index, "pag attention") == []


@pytest.mark.parametrize("query", ["", "   ", "!!!", "%", "_", "\x00", "(" * 500])
def test_a_query_without_words_finds_nothing(query: str) -> None:
    assert _index("words").find(query) == []


def test_a_snippet_shows_the_words_where_they_stand() -> None:
    index = _index("start " + "filler " * 40 + "the Block itself " + "end " * 40)
    runs = index.find("block")[0].snippet
    assert runs[0][0].startswith("… ") and runs[-1] == ("…", False)
    assert ("Block ", True) in runs


def test_forms_of_a_word_have_one_stem() -> None:
    forms = [("GPUs", "gpu"), ("Cachés", "caching"), ("blocks", "Block")]
    assert all(stem(one) == stem(other) for one, other in forms)
    assert [stem(word) for word in ("gas", "less", "vLLM")] == ["gas", "less", "vllm"]


def test_content_words_come_once_and_without_those_that_every_question_has() -> None:
    assert content_stems("What is the GPU? And how do GPUs work at 8 s?") == [
        "gpu",
        "8",
    ]


def test_an_index_without_words_scores_nothing() -> None:
    assert WordIndex([]).scores(["block"]).tolist() == []
    assert WordIndex([[], []]).scores(["block"]).tolist() == [0, 0]


def test_the_page_finds_sections_and_terms(reader: Client, course: Report) -> None:
    page = reader.get("/search/?q=preemption").text
    assert 'href="/glossary/#preemption"' in page
    assert 'href="/chapters/deploying-ai-models/#pagedattention"' in page
    assert "<mark>preemption" in page


def test_a_query_is_shown_as_text_and_cut(reader: Client, course: Report) -> None:
    page = reader.get("/search/", {"q": "<script>alert(1)</script>" + "x" * 5000}).text
    assert "<script>alert" not in page and "x" * 300 not in page


def test_a_changed_chapter_is_found_by_its_new_words(
    load: Load, reader: Client
) -> None:
    load("## A\n\nZebra.\n")
    assert "/chapters/test/#a" in reader.get("/search/?q=zebra").text
    load("## A\n\nQuagga.\n")
    assert "/chapters/test/#a" not in reader.get("/search/?q=zebra").text
    assert "/chapters/test/#a" in reader.get("/search/?q=quagga").text


def test_a_removed_chapter_is_not_found(load: Load, reader: Client, tmp_path) -> None:
    load("Zebra.\n")
    reader.get("/search/?q=zebra")
    (tmp_path / "test.md").unlink()
    load_chapters(tmp_path)
    assert "/chapters/test/" not in reader.get("/search/?q=zebra").text


def test_a_search_reads_no_further_than_its_snippets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Long texts with a word in their beginning are not gone through to their end."""
    read: list[str] = []
    index = Index(
        Entry(str(n), "Course", "/", f"A block. {'word ' * 200}the end{n}.")
        for n in range(20)
    )
    plain = search.words
    monkeypatch.setattr(search, "words", lambda text: read.append(text) or plain(text))
    assert len(index.find("block")) == 20
    assert sorted(read) == sorted(set(read))
    assert not [piece for piece in read if piece.startswith("end")]
