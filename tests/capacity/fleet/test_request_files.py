"""Uploading a file of requests: it is the learner's alone, bounded, and it goes."""

import re
from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from capacity.models import MAX_FILES, KeptRequestFile
from courseware.learner import carry, forget_learner
from planning.fleet.request_file import MAX_BYTES, read_request_file

UPLOAD = "/lab/fleet/file/"
ROWS = b"timestamp,input,output\n0,500,100\n40,500,100\n90,900,300\n"


def upload(learner, content: bytes = ROWS, **fields: str):
    file = SimpleUploadedFile("mine.csv", content)
    return learner.client.post(UPLOAD, {"requests": file, **fields}, follow=True)


def test_an_uploaded_file_is_replayed(learner) -> None:
    response = upload(learner, mode="hybrid")
    assert response.status_code == 200
    query = response.redirect_chain[-1][0]
    assert "pattern=file" in query and "mode=hybrid" in query
    assert "mine.csv" in response.text and "You pay" in response.text


def test_the_page_shows_what_was_taken_for_what_before_the_month(learner) -> None:
    content = (
        b"Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        b"5,GPT-4,472,18,490,API log\n45,GPT-4,1087,0,1087,API log\n"
    )
    page = upload(learner, content).text
    told = page[page.index("How your file was read") :]
    assert "BurstGPT trace" in told and "seconds (by the format)" in told
    assert "<code>Request tokens</code>" in told and "2, from 5 to 45: 40.0 s" in told
    assert "1 row of 0 answer tokens" in told
    assert told.index("BurstGPT trace") < told.index("a month")


def test_a_hit_rate_that_a_file_says_is_offered_and_not_taken(learner) -> None:
    content = (
        b'{"timestamp": 0, "hash_ids": [1, 2], "input_length": 1024, '
        b'"output_length": 9}\n{"timestamp": 9000, "hash_ids": [1, 3], '
        b'"input_length": 900, "output_length": 9}'
    )
    page = upload(learner, content).text
    told = page[page.index("How your file was read") :]
    assert "Prefix cache: 26.6 % of the prompts’ tokens, at most: blocks of 512" in told
    link = re.search(r'href="([^"]*)">Plan with this hit rate', told)
    assert link is not None and "cached_pct=26.6" in link[1]
    assert 'name="cached_pct" inputmode="decimal" maxlength="20" value="0"' in page
    planned = learner.client.get(link[1].replace("&amp;", "&")).text
    assert "Plan with this hit rate" not in planned and 'value="26.6"' in planned


def test_a_zone_is_shown_and_a_file_kept_before_has_no_reading(learner) -> None:
    content = (
        b"TIMESTAMP,ContextTokens,GeneratedTokens\n"
        b"2024-05-10 00:00:00.009930+00:00,2162,5\n"
        b"2024-05-10 00:02:00.017335+00:00,2399,6\n"
    )
    page = upload(learner, content).text
    assert "Azure LLM inference trace, 2024" in page and "+00:00 in all rows" in page
    recorded = KeptRequestFile.rows(learner.learner_id, read_request_file(ROWS).digest)
    assert recorded is None
    old = replace(read_request_file(ROWS), reading=None)
    KeptRequestFile.keep(learner.learner_id, "old.csv", old)
    kept = KeptRequestFile.rows(learner.learner_id, old.digest)
    assert kept is not None and kept.reading is None


def test_a_file_has_a_break_even_curve_around_its_own_rate(learner) -> None:
    query = upload(learner).redirect_chain[-1][0].partition("?")[2]
    page = learner.fragment(f"/lab/fleet/month/?{query}")
    assert "Break-even over traffic" in page
    table = page[page.index("The drawing as a table", page.index("Break-even")) :]
    rates = [
        float(cell) for cell in re.findall(r'<tr><td class="number">([\d.]+)', table)
    ]
    assert rates[4] == pytest.approx(3 / 135, abs=5e-4)
    assert rates[-1] == pytest.approx(10 * 3 / 135, abs=5e-4)


def test_it_is_nobody_elses(learner, neighbour) -> None:
    link = upload(learner).redirect_chain[-1][0]
    response = neighbour.client.get(link)
    assert response.status_code == 400 and "not among your files" in response.text


def test_a_bad_file_is_a_sentence_with_its_line(learner) -> None:
    response = upload(learner, b"timestamp,input,output\n0,5,x\n")
    assert response.status_code == 400
    assert "line 2: &#x27;x&#x27; tokens; allowed are whole numbers" in response.text
    assert not KeptRequestFile.objects.exists()


def test_too_large_a_body_is_refused_by_its_length(learner) -> None:
    response = learner.client.generic(
        "POST", UPLOAD, b"", CONTENT_TYPE="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(MAX_BYTES * 100),
    )  # fmt: skip
    assert response.status_code == 413
    assert "allowed are 8,000,000" in response.text


def test_only_the_last_few_are_kept(learner) -> None:
    for number in range(MAX_FILES + 2):
        upload(learner, ROWS + b"%d,1,1\n" % (100 + number))
    assert KeptRequestFile.objects.count() == MAX_FILES


def test_files_go_with_their_learner_and_follow_a_sign_in(learner, neighbour) -> None:
    upload(learner)
    upload(neighbour)
    carry.send(sender=None, learner_id=learner.learner_id, into=neighbour.learner_id)
    assert KeptRequestFile.objects.get().learner_id == neighbour.learner_id
    forget_learner(neighbour.learner_id)
    assert not KeptRequestFile.objects.exists()
