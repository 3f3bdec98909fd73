"""A page of which a part was packed beforehand: whole, and gzip as anybody reads it."""

import gzip
import random
import re
import zlib

import pytest
from django.test import Client, RequestFactory

from courseware import packing
from courseware.loader import Report
from courseware.models import Chapter, Section

CHAPTER = "/chapters/deploying-ai-models/"


def _answer(before: str, text: str, after: str, accepts: str = "gzip, br"):
    request = RequestFactory().get("/", HTTP_ACCEPT_ENCODING=accepts)
    return packing.answer(request, before, packing.pack(text.encode()), after)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_unpacked_is_what_was_put_together(seed: int) -> None:
    choose = random.Random(seed)
    words = ["", "one", "<p>", "ü", "KV-Cache", "\n", "🙂", "one two three " * 50]
    parts = [
        "".join(choose.choices(words, k=choose.choice([0, 1, 30, 3000])))
        for _ in range(3)
    ]
    response = _answer(*parts)
    assert gzip.decompress(response.content).decode() == "".join(parts)
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert reader.decompress(response.content).decode() == "".join(parts)
    assert reader.eof and not reader.unused_data
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"


def test_who_does_not_ask_for_gzip_gets_the_words_themselves() -> None:
    response = _answer("a", "b", "c", accepts="br")
    assert response.content == b"abc"
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"


def test_the_length_of_an_answer_does_not_tell_what_is_in_it() -> None:
    lengths = {len(_answer("a", "b" * 500, "c").content) for _ in range(50)}
    assert len(lengths) > 10


def test_a_chapter_reads_the_same_packed_and_not(
    reader: Client, course: Report
) -> None:
    plain = reader.get(CHAPTER)
    packed = reader.get(CHAPTER, HTTP_ACCEPT_ENCODING="gzip")
    pages = [plain.text, gzip.decompress(packed.content).decode()]
    first, second = (re.sub(r'name="csrfmiddlewaretoken" [^>]*', "", p) for p in pages)
    assert first == second
    assert len(packed.content) < len(plain.content) / 3
    assert int(packed.headers["Content-Length"]) == len(packed.content)


def test_a_chapter_that_was_loaded_anew_is_shown_anew(
    reader: Client, course: Report
) -> None:
    assert "Another beginning." not in reader.get(CHAPTER).text
    Section.objects.filter(anchor="opening").update(html="<p>Another beginning.</p>")
    Chapter.objects.get().save()
    assert "Another beginning." in reader.get(CHAPTER).text
