"""The figure that arranges cards: in the chapter, by itself, and for htmx."""

import html
import re
from datetime import date

import pytest
from django.core.cache import cache
from django.test import Client

from courseware import figures
from courseware.figure_views import CLUSTERS_A_MINUTE
from courseware.figures.cluster import cluster_context
from courseware.figures.cluster_query import ClusterQuery, read_query
from planning.catalog.gpus import gpu
from planning.memory.ranking import settings_for
from planning.memory.sizing import estimate_memory

URL = "/figures/cluster/"
TODAY = date(2026, 11, 26)


def asked(**fields) -> dict:
    query, faults = read_query({name: str(value) for name, value in fields.items()})
    return cluster_context(query, faults, TODAY)


def row(context: dict, name: str) -> list[str]:
    return next(r["values"] for r in context["rows"] if r["name"].startswith(name))


def test_it_stands_in_a_chapter_with_its_form_and_an_answer(load, reader) -> None:
    load("## A part\n\n::: figure cluster\nThe caption.\n:::\n")
    page = reader.get("/chapters/test/").text
    assert f'action="{URL}"' in page and "2 replicas of 2 cards behind a router" in page
    shown = reader.get(URL).text
    assert 'href="/chapters/test/#figure-cluster"' in shown


def test_without_scripts_the_form_leads_to_a_page_with_the_same_answer(
    reader: Client, db
) -> None:
    answer = reader.get(
        URL, {"model": "llama-3.1-8b", "weights": "shipped", "users": 8}
    )
    assert answer.status_code == 200 and "<h1" in answer.text
    assert "One H100 SXM is enough: it holds Llama 3.1 8B" in answer.text
    assert '<option value="llama-3.1-8b" selected>' in answer.text


def test_htmx_gets_the_answer_alone(reader: Client, db) -> None:
    answer = reader.get(URL, {"users": "1000"}, headers={"HX-Request": "true"})
    assert "<h1" not in answer.text and "<form" not in answer.text
    assert "16 × H100 SXM: 4 replicas of 4 cards" in answer.text


def test_the_table_has_each_arrangement_with_its_numbers() -> None:
    context = asked(users=1_000)
    assert [c["title"] for c in context["columns"]] == [
        "4 cards a replica",
        "8 cards a replica",
        "2 cards a replica",
        "1 card a replica",
    ]
    pair = settings_for(ClusterQuery().need(), gpu("h100-sxm"), 2)
    users = estimate_memory(pair).users
    words = f"{users.value:.0f} ({users.low:.0f} to {users.high:.0f})"
    assert row(context, "Requests a replica")[2] == words
    replicas = row(context, "Replicas")
    assert replicas[:3] == ["4", "2", "10 (9 to 10)"]
    assert replicas[3].startswith("500 (")
    assert row(context, "Cards") == ["16", "16", "20", "500"]
    assert row(context, "Sent by a card a token")[2:] == ["2.62", "–"]


def test_models_with_experts_say_what_spreading_them_would_send() -> None:
    context = asked(model="qwen3-30b-a3b", weights="bf16", kv="auto", users=5_000)
    assert row(context, "Sent if experts were spread")


def test_hosts_replicas_and_cards_are_drawn_as_they_are_counted() -> None:
    drawing = asked(users=1_000)["drawing"]
    assert drawing["has_router"]
    assert [len(host["outlines"]) for host in drawing["hosts"]] == [2, 2]
    assert [len(host["cards"]) for host in drawing["hosts"]] == [8, 8]
    for host in drawing["hosts"]:
        assert host["x"] + host["width"] <= drawing["width"]
        for card in host["cards"]:
            assert sum(part["height"] for part in card["parts"]) <= card["height"]


def test_what_is_not_drawn_is_told() -> None:
    assert asked(users=10_000)["drawing"]["rest"].startswith("and ")
    assert asked(users=1)["drawing"]["rest"] == ""


def test_stages_of_a_pipeline_stand_in_hosts_of_their_own() -> None:
    context = asked(model="llama-3.1-405b", weights="shipped", kv="auto", users=4)
    labels = [host["outlines"][0]["label"] for host in context["drawing"]["hosts"]]
    assert labels == ["replica 1, stage 1 of 2", "replica 1, stage 2 of 2"]


def test_where_no_arrangement_holds_it_the_reason_stands_there(reader, db) -> None:
    page = reader.get(URL, {"model": "llama-3.1-405b", "weights": "bf16", "gpu": "t4"})
    assert "No arrangement of T4 cards holds one request" in page.text
    assert '<svg class="drawing' not in page.text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("users", "many", "from 1 to 1,000,000, not &#x27;many&#x27;"),
        ("users", "0", "from 1 to"),
        ("users", "-3", "from 1 to"),
        ("context", "9" * 40, "from 1 to"),
        ("context", "³", "from 1 to"),
        ("model", "<script>", "choose one of the menu"),
        ("gpu", "h1000", "has no &#x27;h1000&#x27;"),
        ("weights", "3 bit", "choose one of the menu"),
        ("kv", "x" * 5_000, "choose one of the menu"),
    ],
)
def test_bad_input_gets_a_sentence(field, value, words, reader, db) -> None:
    page = reader.get(URL, {field: value})
    assert page.status_code == 400 and words in page.text
    assert "<script>" not in page.text
    fragment = reader.get(URL, {field: value}, headers={"HX-Request": "true"})
    assert fragment.status_code == 200 and words in fragment.text


def test_it_is_asked_only_so_often(reader: Client, db) -> None:
    cache.clear()
    for _ in range(CLUSTERS_A_MINUTE):
        reader.get(URL, {"users": "none"}, headers={"HX-Request": "true"})
    page = reader.get(URL)
    if page.status_code == 200:
        pytest.skip("nothing is counted without the cache's server")
    assert page.status_code == 429 and "within a minute" in page.text
    assert page.headers["Retry-After"] == "60"


def test_the_checklist_of_cards_leads_here_with_its_choice() -> None:
    context = figures.cards()
    for card in context["cards"]:
        for model in context["models"]:
            asked = {"weights": "shipped", "kv": "auto", "gpu": card["name"]}
            query, faults = read_query({**asked, "model": model["id"]})
            assert faults == {}, (card["name"], model["id"])
            assert query.card().memory_gb == pytest.approx(float(card["memory_gb"]))
    query, _ = read_query({"model": "llama-70b-4", "gpu": "L40S", "users": "8"})
    assert query == ClusterQuery("llama-3.1-70b", "awq", "auto", "l40s", 8)


def test_ids_of_the_form_are_its_own() -> None:
    ids = re.findall(r' id="([^"]+)"', figures.draw_figure("cluster"))
    assert len(ids) == len(set(ids)) and all(i.startswith("cluster-") for i in ids)


def test_a_card_that_does_not_hold_it_links_here(reader: Client, db) -> None:
    page = reader.get("/figures/cards/?model=llama-70b-16&users=8&context=4096").text
    links = re.findall(r'href="(/figures/cluster/[^"]+)"', page)
    assert len(links) > 3
    answer = reader.get(html.unescape(links[0]))
    assert answer.status_code == 200 and "Llama 3.1 70B" in answer.text
