"""A section's text in pieces for the mentor."""

from mentor.knowing.paragraphs import MAX_PASSAGE_CHARS, parts, split


def test_paragraphs_become_passages_and_headings_join_what_follows() -> None:
    text = "A heading\n" + "First paragraph. " * 15 + "\n" + "Second paragraph. " * 15
    first, second = split(text)
    assert first.startswith("A heading\nFirst paragraph.")
    assert second.startswith("Second") and "First" not in second


def test_no_passage_is_too_long_and_no_word_is_lost() -> None:
    text = "One sentence here. " * 100 + "\n" + "x" * 2_000
    passages = split(text)
    assert max(len(passage) for passage in passages) <= MAX_PASSAGE_CHARS
    rejoined = "".join("".join(passages).split())
    assert rejoined == "".join(text.split())
    assert split("\n\n") == []


def test_a_section_is_parted_at_its_sub_headings() -> None:
    html = (
        '<h3 id="a-b">Tea &amp; milk<a class="anchor" href="#a-b">#</a></h3><p>Hot.</p>'
    )
    assert list(parts(html, "First.\nTea & milk\nHot.\nCold.")) == [
        ("", "", "First."),
        ("a-b", "Tea & milk", "Hot.\nCold."),
    ]
