"""Uploading a file of requests: it is the learner's alone, bounded, and it goes."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from capacity.models import MAX_FILES, KeptRequestFile
from courseware.learner import carry, forget_learner
from planning.fleet.request_file import MAX_BYTES

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
