"""The cost challenge: handing in, scores, the class's list, and who forgets what."""

import re
from pathlib import Path

import pytest
import yaml

from capacity.challenge.optima import OPTIMA, digest_of, load_optima
from capacity.models import MAX_RESULTS, ChallengeResult, ClassName
from courseware.learner import carry, forget_learner
from planning.fleet.cheapest import search
from planning.fleet.scenarios import (
    BUDGET,
    FREE,
    load_scenarios,
    scenario,
    score,
    score_plan,
)

PAGE = "/lab/challenge/"
CHEAP = "bursty-chat"
SIMPLE = [
    {"mode": "provisioned", "instances": 1},
    {"mode": "serverless"},
    {"mode": "serverless", "min_workers": 1},
    {"mode": "hybrid", "instances": 1},
]
IDS = [one.id for one in load_scenarios()]


def hand_in(learner, scenario_id: str = CHEAP, **fields: str) -> str:
    return learner.post(f"{PAGE}{scenario_id}/hand-in/", **fields)


def test_there_are_five_scenarios_and_each_has_its_page(learner) -> None:
    page = learner.page(PAGE)
    assert len(IDS) == 5
    for one in load_scenarios():
        assert one.title in page
    text = learner.page(f"{PAGE}{CHEAP}/")
    assert "Hand in" in text and "What is given" in text and "derived" in text
    assert learner.client.get(f"{PAGE}nothing/").status_code == 404


def test_a_preview_comes_as_a_fragment_with_its_link(learner) -> None:
    response = learner.client.get(
        f"{PAGE}{CHEAP}/", {"idle_timeout_s": "60"}, headers={"HX-Request": "true"}
    )
    assert "You pay" in response.text
    assert response["HX-Replace-Url"] == f"{PAGE}{CHEAP}/?idle_timeout_s=60.0"


def test_only_the_fleet_is_the_learners_to_change(learner) -> None:
    found = scenario(CHEAP)
    assert found is not None
    plan, _ = found.plan_with({"rate_per_s": "1e-5", "serverless_usd_per_s": "0"})
    assert plan == found.plan
    page = learner.page(f"{PAGE}{CHEAP}/", status=400, instances="many")
    assert "allowed are whole numbers from 1 to 10,000" in page


def test_what_is_handed_in_is_scored_kept_and_explained(learner) -> None:
    page = hand_in(learner, mode="provisioned", instances="2")
    kept = ChallengeResult.objects.get()
    assert kept.meets_slo and 0 < kept.score < 60
    assert f"{kept.score} of 100" in page and "% for idle seconds" in page
    assert "best fleet that the search found costs" in page
    assert "Best results of the class" in page and "(you)" in page
    assert f"Your best: {kept.score} of 100" in learner.page(PAGE)


def test_the_best_fleet_known_scores_a_hundred(learner) -> None:
    best = load_optima()[CHEAP]
    fleet = {n: "" if v is None else str(v) for n, v in best.fleet.items()}
    assert "100 of 100" in hand_in(learner, **fleet)


def test_a_missed_goal_scores_nothing(learner) -> None:
    page = hand_in(learner, mode="serverless", max_workers="1", idle_timeout_s="0")
    assert "0 of 100" in page and "misses its goal" in page
    assert ChallengeResult.objects.get().score == 0


def test_a_link_shares_the_fleet_but_not_the_result(learner, neighbour) -> None:
    response = learner.client.post(
        f"{PAGE}{CHEAP}/hand-in/", {"mode": "provisioned", "instances": "3"}
    )
    seen = neighbour.client.get(response["Location"]).text
    assert 'id="handed-in"' not in seen
    assert re.search(r'name="instances"[^>]*value="3"', seen)


def test_the_class_sees_scores_and_names_only_where_wanted(learner, neighbour) -> None:
    hand_in(learner, mode="provisioned", instances="1")
    hand_in(learner, mode="provisioned", instances="2")
    hand_in(neighbour, mode="provisioned", instances="4")
    page = neighbour.page(f"{PAGE}{CHEAP}/")
    assert page.count("a learner") == 2
    learner.post(f"{PAGE}name/", name="  Ada   <b> ")
    page = neighbour.page(f"{PAGE}{CHEAP}/")
    assert "Ada &lt;b&gt;" in page and page.count("a learner") == 1
    learner.post(f"{PAGE}name/", name="")
    assert not ClassName.objects.exists()


def test_results_go_with_their_learner_and_follow_a_sign_in(learner, neighbour) -> None:
    hand_in(learner, mode="provisioned")
    hand_in(neighbour, mode="provisioned")
    learner.post(f"{PAGE}name/", name="Ada")
    carry.send(sender=None, learner_id=learner.learner_id, into=neighbour.learner_id)
    mine = ChallengeResult.objects.filter(learner_id=neighbour.learner_id)
    assert mine.count() == 2 and not ClassName.objects.exists()
    forget_learner(neighbour.learner_id)
    assert not ChallengeResult.objects.exists()


def test_a_learner_keeps_the_best_of_many(learner) -> None:
    for number in range(MAX_RESULTS + 5):
        ChallengeResult.keep(
            learner.learner_id,
            scenario=CHEAP,
            fleet={},
            cost_usd=1.0,
            meets_slo=True,
            score=(number * 7) % 100,
        )
    rows = ChallengeResult.objects.all()
    assert rows.count() == MAX_RESULTS and max(row.score for row in rows) == 99


@pytest.mark.parametrize("scenario_id", IDS)
def test_the_optima_were_searched_for_these_scenarios(scenario_id: str) -> None:
    found, optimum = scenario(scenario_id), load_optima()[scenario_id]
    assert found is not None
    assert digest_of(found) == optimum.digest, "run manage.py searchoptima"
    assert list(optimum.fleet) == FREE


@pytest.mark.slow
@pytest.mark.parametrize("scenario_id", IDS)
def test_an_optimum_costs_what_is_kept_and_meets_its_goal(scenario_id: str) -> None:
    found, optimum = scenario(scenario_id), load_optima()[scenario_id]
    assert found is not None
    plan, wrong = found.plan_with(optimum.fleet)
    assert plan is not None, wrong
    result = score_plan(plan)
    assert result.cost_usd.mean == pytest.approx(optimum.cost_usd, rel=1e-6)
    assert result.meets_slo and score(result, optimum.cost_usd) == 100


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_search_finds_nothing_better_and_loses_nothing_known() -> None:
    found, optimum = scenario(CHEAP), load_optima()[CHEAP]
    assert found is not None
    known, _ = found.plan_with(optimum.fleet)
    best = search(found, BUDGET, coarse=150_000, known=known)
    assert best.meets_slo
    assert best.cost_usd.mean == pytest.approx(optimum.cost_usd, rel=0.01)


@pytest.mark.slow
def test_no_simple_fleet_beats_the_optima() -> None:
    for one in load_scenarios():
        for fields in SIMPLE:
            plan, _ = one.plan_with(fields)
            assert plan is not None
            result = score_plan(plan)
            best = load_optima()[one.id].cost_usd
            assert not result.meets_slo or result.cost_usd.mean > 0.999 * best, one.id


def test_the_file_of_optima_says_what_wrote_it() -> None:
    text = Path(OPTIMA).read_text()
    assert "manage.py searchoptima" in text
    assert set(yaml.safe_load(text)) == set(IDS)
