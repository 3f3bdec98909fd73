"""The lab's page: what is offered, a link's settings, results, the projector."""

import re
from dataclasses import replace

import pytest

from courseware.learner import SESSION_KEY
from courseware.loader import CONTENT
from courseware.values import all_claims
from lab.experiments import presentation
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.outcome import Figure, Outcome, Plot, Series, Span, Table
from lab.models import ExperimentRun
from lab.recordings import library
from lab.traffic.demos import DEMOS
from tests.lab.live import READY

pytestmark = pytest.mark.django_db

UNPUBLISHED = {"structured"}
"""Of which the course knows no published figure with its conditions."""
OUTCOME = Outcome(
    answer=88.9,
    says="Each of the 10 at once took 320 tokens.",
    figures=[
        Figure("TTFT of the first", 412.3, "ms"),
        Figure("tokens in common with the first", None, "tokens"),
    ],
    tables=[Table("Every request", ["Request", "TTFT, ms"], [["first", 412.3]])],
    plots=[
        Plot(
            "Tokens of each prompt",
            "request",
            "tokens",
            [
                Series("from the cache", [(0, 0), (1, 320)], "cached"),
                Series("computed", [(0, 360), (1, 40)], "used"),
            ],
            look="bars",
            names=["first", "again"],
        ),
        Plot(
            "ITL",
            "seconds",
            "ms",
            [Series("each", [(0.1, 20), (0.4, 90), (0.9, 21)], "link")],
            spans=[Span("long prompt", 0.3, 0.5)],
            level=50,
            level_label="SLO",
        ),
        Plot("Nothing", "s", "ms", []),
    ],
)


@pytest.fixture
def learner_id(client):
    client.get("/lab/")
    return client.session[SESSION_KEY]


def _run(learner_id, **fields):
    run = ExperimentRun.begin(
        learner_id,
        run_id=fields.pop("run_id", "a" * 32),
        experiment="prefix",
        values={"variant": "changed", "tokens": 320, "place": 50, "at_once": 10},
        prediction=50.0,
        engine={"model": "smollm2", "versions": {"vllm": "0.32.0", "python": "3.11"}},
    )
    ExperimentRun.end(run.run_id, "done", "", OUTCOME.to_json())
    return run


def _text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_experiment_asks_for_a_prediction_and_names_its_settings(client, name):
    page = client.get(f"/lab/?experiment={name}").content.decode()
    experiment = EXPERIMENTS[name]
    assert experiment.title in page and 'name="prediction"' in page
    for setting in experiment.settings:
        assert f'name="{setting.name}"' in page
    assert len(experiment.why) < 300 and experiment.changes


def test_a_choice_whose_words_are_long_has_a_line_of_its_own(client):
    page = client.get("/lab/?experiment=throughput").content.decode()
    assert '<p class="is-wide">\n          <label for="setting-loop">' in page
    assert page.count('class="is-wide"') == 1
    page = client.get("/lab/?experiment=contiguous").content.decode()
    assert "is-wide" not in page


def test_a_link_reopens_an_experiment_with_its_settings(client):
    page = client.get("/lab/?experiment=prefix&tokens=96&variant=system")
    html = page.content.decode()
    assert 'value="96"' in html and '<option value="system" selected>' in html


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("experiment=fire", "no such experiment"),
        ("experiment=prefix&tokens=9", "allowed is 40 to 4,000"),
        ("experiment=prefix&variant=%3Cb%3E", "one of what is offered"),
    ],
)
def test_a_wrong_link_is_told_and_the_page_is_there(client, query, sentence):
    page = client.get(f"/lab/?{query}")
    assert page.status_code == 200 and sentence in _text(page)


def test_words_of_the_learners_own_are_escaped_and_stand_with_the_result(
    client, learner_id
):
    run = _run(learner_id)
    values = run.values | {"own": "<b>my</b> “words”"}
    ExperimentRun.objects.filter(run_id=run.run_id).update(values=values)
    page = client.get("/lab/", {"experiment": "prefix", "own": values["own"]})
    html = page.content.decode()
    assert 'value="&lt;b&gt;my&lt;/b&gt; “words”"' in html and "<b>my" not in html
    assert "Begin with words of your own: “&lt;b&gt;my" in html
    assert "own=%3Cb%3Emy" in html, "its link reopens it with them"


def test_a_result_stands_beside_its_prediction_with_units_and_its_engine(
    client, learner_id
):
    _run(learner_id)
    text = _text(client.get("/lab/?experiment=prefix"))
    assert "You predicted 50 %" in text and "88.9 %" in text
    assert "39 points too low" in text
    assert "tokens in common with the first unknown" in text
    assert "smollm2 · vllm 0.32.0" in text
    assert "one word changed" in text, "the settings it ran with"


def test_an_answer_that_follows_from_measurements_is_not_called_measured(
    client, learner_id
):
    run = _run(learner_id)
    derived = replace(OUTCOME, answer_kind="derived").to_json()
    ExperimentRun.objects.filter(run_id=run.run_id).update(outcome=derived)
    text = _text(client.get(f"/lab/runs/{run.run_id}/"))
    assert "predicted 50" in text and "derived 88.9" in text
    assert "measured 88.9" not in text


def test_what_a_comparison_computes_is_told_before_it_is_run(client):
    text = _text(client.get("/lab/?experiment=contiguous"))
    assert "What is measured, and what computed" in text
    assert "One that does not fit waits, and all behind it" in text


def test_every_plot_has_a_table_of_the_same_values(client, learner_id):
    _run(learner_id)
    html = client.get(f"/lab/runs/{'a' * 32}/").content.decode()
    assert html.count("<svg class") == 2 and html.count("As a table") == 2
    assert "Nothing was measured" in html
    for cell in ("320", "360", "40", "90"):
        assert f'<td class="number">{cell}</td>' in html


def test_a_run_is_shown_to_its_learner_only(client, learner_id):
    run = _run("b" * 32)
    assert client.get(f"/lab/runs/{run.run_id}/").status_code == 404


def test_the_projectors_page_has_nothing_of_its_learners_own(client, learner_id):
    _run(learner_id)
    page = client.get("/lab/?projector").content.decode()
    assert "You predicted" not in page and 'id="mentor"' not in page
    assert "is-projector" in page and 'id="experiment-form"' in page


def test_every_pages_head_and_menu_lead_to_lab_and_quiz(client):
    page = client.get("/glossary/").content.decode()
    head = page[page.index("<header") : page.index("</header>")]
    foot = page[page.index("<footer") :]
    links = re.findall(r'href="([^"]+)"', foot)
    menu = head[head.index("site-menu") :]
    assert {"/lab/", "/quiz/"} < set(links)
    assert all(f'href="{link}"' in menu for link in links), "all that the footer has"


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_published_figure_is_a_claim_with_source_and_date(client, experiment):
    claims = all_claims(CONTENT)
    text = _text(client.get(f"/lab/?experiment={experiment.id}"))
    kinds = {claims[name].kind for name in experiment.claims}
    assert ("published" in kinds) is (experiment.id not in UNPUBLISHED)
    assert ("The course knows no published figure" in text) is (not kinds)
    for name in experiment.claims:
        assert claims[name].source in text and claims[name].date in text


def test_where_an_engine_cannot_run_it_a_recording_is_offered_with_its_origin():
    experiment = replace(
        EXPERIMENTS["prefix"], unable=lambda status: f"Not on a {status.device}."
    )
    with_it = {"prefix": experiment}
    context = presentation.page({}, [], READY, with_it)
    assert context["unable"] == "Not on a CPU engine."
    assert "CPU engine" in context["recording"] and "2026" in context["recording"]
    assert context["recording_id"] in {one.recording_id for one in library.recordings()}
    assert presentation.page({}, [], None, with_it)["unable"] == ""


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_what_an_experiment_names_is_there(experiment):
    shipped = {one.recording_id for one in library.recordings()}
    assert not experiment.recording or experiment.recording in shipped
    assert not experiment.demo or experiment.demo in DEMOS
