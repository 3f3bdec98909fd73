"""Rates of a model on a card: from the form and the calculator into the plan."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.capacity.conftest import Learner

CARD = "/lab/fleet/card/"
FLEET = "/lab/fleet/"
QUIET = {"rate_per_s": "0.02"}


def led_to(learner: Learner, **fields: str) -> dict[str, str]:
    """The fields of the plan that the form leads to."""
    response = learner.client.get(CARD, {**QUIET, **fields})
    assert response.status_code == 302, response.text
    query = parse_qs(urlsplit(response["Location"]).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}


def test_a_model_on_a_card_becomes_the_speed_and_the_price_of_a_worker(learner) -> None:
    plan = led_to(learner, model="llama-3.1-70b", gpu="h200-sxm", tp="2")
    assert plan["rates"] == "llama-3.1-70b:h200-sxm:2:shipped:1000+200"
    assert 3_000 < float(plan["prefill_tokens_per_s"]) < 8_000
    assert 20 < float(plan["decode_tokens_per_s"]) < 60
    assert plan["rate_per_s"] == "0.02" and "expert_share_pct" in plan
    assert float(plan["provisioned_usd_per_h"]) > 4


def test_a_box_whose_gpus_all_serve_one_model_is_one_worker(learner) -> None:
    asked = {"model": "llama-3.1-70b", "gpu": "h100-sxm"}
    box = led_to(learner, **asked, tp="8", replicas="8")
    assert float(box["provisioned_usd_per_h"]) > 50 and box["replicas"] == "1"
    pair = led_to(learner, **asked, tp="2", replicas="8")
    assert float(pair["provisioned_usd_per_h"]) < 15 and pair["replicas"] == "1"


def test_the_page_says_what_its_rates_are_of_while_they_are(learner) -> None:
    plan = led_to(learner, model="gpt-oss-20b", gpu="l40s", tp="1")
    page = learner.page(FLEET, **plan)
    assert "on L40S, for 1,000 tokens in and 200 out" in page
    assert '<option value="gpt-oss-20b" selected>' in page
    assert "other lengths now" not in page
    longer = learner.page(FLEET, **{**plan, "input_tokens": "3000"})
    assert "other lengths now: derive again" in longer
    changed = learner.page(FLEET, **{**plan, "decode_tokens_per_s": "99"})
    assert "on L40S, for" not in changed and "typed in, no source" in changed


def test_a_format_of_the_kv_cache_is_kept_with_the_rates(learner) -> None:
    asked = {"model": "qwen3-32b", "gpu": "h200-sxm", "tp": "1"}
    plan = led_to(learner, **asked, kv="fp8")
    assert plan["rates"] == "qwen3-32b:h200-sxm:1:shipped/fp8:1000+200"
    assert int(plan["concurrency"]) > int(led_to(learner, **asked)["concurrency"])
    page = learner.page(FLEET, **plan)
    assert "on H200, for 1,000 tokens in" in page
    assert "FP8 KV cache" in page


def test_the_rates_are_for_the_lengths_in_the_form(learner) -> None:
    short = led_to(learner, model="llama-3.1-8b", gpu="l4", tp="1")
    long = led_to(learner, model="llama-3.1-8b", gpu="l4", tp="1", input_tokens="12000")
    assert int(long["concurrency"]) < int(short["concurrency"])
    assert float(long["decode_tokens_per_s"]) < float(short["decode_tokens_per_s"])
    assert float(long["prefill_tokens_per_s"]) < float(short["prefill_tokens_per_s"])


def test_prompts_may_have_cards_of_their_own(learner) -> None:
    asked = {"model": "qwen3-32b", "gpu": "h200-sxm", "tp": "1"}
    same = led_to(learner, **asked)
    plan = led_to(learner, **asked, prompt_gpu="h100-sxm")
    assert plan["rates"].endswith(":h100-sxm") and plan["prefill_on"] == "separate"
    assert plan["decode_tokens_per_s"] == same["decode_tokens_per_s"]
    # 64 layers of 8 heads of 128 in 16 bit are 262,144 bytes a token, over 50 GB/s.
    assert float(plan["transfer_tokens_per_s"]) == pytest.approx(190_735, rel=0.01)
    assert float(plan["provisioned_usd_per_h"]) > float(same["provisioned_usd_per_h"])
    page = learner.page(FLEET, **plan)
    assert "prompts on H100 SXM of their own" in page
    back = led_to(learner, **{**plan, **asked})
    assert back.get("prefill_on", "shared") == "shared"
    assert not back.get("transfer_tokens_per_s")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"model": "llama-3.1-70b", "gpu": "h200-sxm", "prompt_gpu": "l4"},
            "leaves no KV cache",
        ),
        ({"model": "llama-3.1-8b", "gpu": "l4", "prompt_gpu": "nothing"}, "no GPU"),
        ({"model": "llama-3.1-70b", "gpu": "l4", "tp": "1"}, "leaves no KV cache"),
        ({"model": "nothing", "gpu": "l4"}, "no model"),
        ({"model": "llama-3.1-8b", "gpu": "nothing"}, "no GPU"),
        ({"model": "llama-3.1-8b", "gpu": "l4", "tp": "7"}, "attention heads"),
        ({"model": "llama-3.1-8b", "gpu": "l4", "pp": "2"}, "without pipeline"),
        ({"model": "llama-3.1-8b", "gpu": "l4", "dp": "2"}, "data parallelism"),
        (
            {"model": "llama-3.1-8b", "gpu": "l4", "drafter": "ngram"},
            "of Speculative decoding: it is asked for",
        ),
        ({"model": "llama-3.1-8b", "gpu": "l4", "loras": "2"}, "adapters only"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(learner, fields, words) -> None:
    response = learner.client.get(CARD, fields)
    assert response.status_code == 400 and words in response.text


def test_a_card_without_an_offer_leaves_a_price_without_a_source(learner) -> None:
    plan = led_to(learner, model="llama-3.1-8b", gpu="mi355x", tp="1")
    assert plan["provisioned_price"] == "" and plan["serverless_price"] == ""


def test_a_forged_source_is_typed_in(learner) -> None:
    for rates in ("a:b:1:c:1+1", "own:l4:1:shipped:1000+200", "x" * 60):
        page = learner.page(FLEET, rates=rates, prefill_tokens_per_s="5", **QUIET)
        assert "typed in, no source" in page


def test_the_calculator_leads_to_its_model_on_its_card(learner) -> None:
    page = learner.page("/lab/hardware/", model="qwen3-32b", users="4")
    link = re.search(r'href="(/lab/fleet/card/\?[^"]+)"', page)
    assert link is not None
    response = learner.client.get(link[1].replace("&amp;", "&"))
    assert response.status_code == 302
    for beyond in ({"dp": "2"}, {"pp": "2"}, {"drafter": "ngram"}, {"loras": "2"}):
        other = learner.page("/lab/hardware/", model="qwen3-32b", users="4", **beyond)
        assert "/lab/fleet/card/" not in other
    assert "rates=qwen3-32b%3A" in response["Location"]
