"""The hardware calculator through the front door, without JavaScript and with htmx."""

import json
from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from redis.exceptions import RedisError

from capacity.hardware.bar import bar_of
from capacity.hardware.menus import PRESETS
from planning.interval import Interval
from planning.memory.config_json import MAX_BYTES
from planning.memory.engine_settings import EngineSettings
from planning.memory.model_catalog import model
from planning.memory.sizing import estimate_memory
from tests.lab.live import READY

pytestmark = pytest.mark.django_db
PAGE = "/lab/hardware/"
CONFIG = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}


def text_of(response) -> str:
    """The page in one line; spaces of all kinds are one."""
    return " ".join(response.content.decode().split())


def ask(client: Client, fragment: bool = False, **query: str):
    headers = {"HX-Request": "true"} if fragment else {}
    return client.get(PAGE, query, headers=headers)


def upload(client: Client, raw: bytes | str, **fields: str):
    if isinstance(raw, bytes):
        file = SimpleUploadedFile("config.json", raw)
        return client.post(f"{PAGE}config/", {**fields, "file": file})
    return client.post(f"{PAGE}config/", {**fields, "pasted": raw})


def test_the_page_answers_at_once_with_every_kind_of_figure(client):
    page = text_of(ask(client))
    for kind in ("derived", "estimated", "published"):
        assert f"kind-{kind}" in page
    assert "Users that fit at once" in page and "All GPUs, by fit and price" in page
    assert "65 536 bytes" in page
    assert " style=" not in page and "<script>" not in page


def test_the_link_is_the_question(client):
    page = text_of(ask(client, model="qwen2.5-7b", users="30", gpu="h100-sxm"))
    assert "Qwen2.5 7B on H100 SXM" in page and "30 users fit" in page
    assert 'value="30"' in page


def test_htmx_gets_the_answer_alone(client):
    response = ask(client, fragment=True, users="3")
    assert "<html" not in text_of(response) and "3 users fit" in text_of(response)
    assert "HX-Request" in response.headers["Vary"]


def test_seventy_billion_in_four_bit_is_explained_by_a_preset(client):
    presets = dict(PRESETS)
    alone = text_of(ask(client, **presets["70B in 4 bit, alone"].link_fields()))
    assert "70.6 billion parameters in 4 bit are 39.8 GB by themselves" in alone
    group = text_of(ask(client, **presets["70B in 4 bit, a group of 13"].link_fields()))
    assert "13 users with 8,192 tokens each add 34.9 GB of KV cache" in group
    assert "78.5 GB in all" in group
    assert all(
        ask(client, **one.link_fields()).status_code == 200 for one in presets.values()
    )


def test_what_does_not_fit_says_why_and_draws_it_beyond_the_card(client):
    query = {"model": "llama-3.1-70b", "gpu": "l40s", "tp": "1"}
    page = text_of(ask(client, **query))
    assert "It does not start" in page and "GiB are missing" in page
    assert "hardware-part-over" in page


def test_a_stale_price_says_so_beside_it(client):
    page = text_of(ask(client, gpu="rtx4090", tp="2"))
    assert "days old: check it before you rely on it" in page


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("users", "abc", "is a whole number from 1 to 1,000,000, not &#x27;abc&#x27;"),
        ("users", "-3", "not &#x27;-3&#x27;"),
        ("users", "9" * 40, "is a whole number from 1 to 1,000,000"),
        ("context", "1e30", "is a whole number from 1 to 100,000,000"),
        ("context", "NaN", "not &#x27;NaN&#x27;"),
        ("context", "9" * 1000, "has at most 60 characters"),
        ("utilization", "nan", "is a number over 0 and up to 1, not &#x27;nan&#x27;"),
        ("utilization", "2", "is a number over 0 and up to 1"),
        ("model", "zzz", "there is no model"),
        ("gpu", "zzz", "there is no GPU"),
        ("weights", "int1", "is one of shipped, bf16"),
        ("version", "9", "is one of 0.32, 0.33, 0.26, 0.19, 0.16"),
        ("tp", "3", "vLLM divides the 32 attention heads"),
        ("tp", "two", "is a whole number from 1 to 64"),
        ("pp", "40", "the model has 32 layers"),
        ("users", "<script>", "&lt;script&gt;"),
        ("dp", "0", "is a whole number from 1 to 64"),
        ("experts", "whole", "is for models with experts"),
        ("drafter", "mtp", "declares no layers of prediction"),
        ("drafts", "65", "is a whole number from 1 to 64"),
        ("loras", "x", "is a whole number from 1 to 4,096"),
        ("rank", "17", "is one of 16, 1, 8"),
        ("runner", "3", "is one of untold, 1, 2"),
        ("compiled", "tepid", "is one of untold, warm, cold"),
        ("kv", "int2", "is one of auto, bfloat16, fp8"),
    ],
)
def test_a_bad_value_is_a_sentence_beside_its_field(client, name, value, said):
    response = ask(client, **{name: value})
    page = text_of(response)
    assert response.status_code == 400
    assert said in page and f'href="#{name}"' in page
    assert "<script>" not in page


def test_a_wrong_value_stays_in_its_field(client):
    page = text_of(ask(client, users="many"))
    assert 'value="many" aria-invalid="true"' in page


@pytest.mark.parametrize("as_file", [True, False])
def test_a_config_json_leads_to_the_answer_of_the_same_numbers(client, as_file):
    raw = json.dumps(CONFIG)
    response = upload(client, raw.encode() if as_file else raw, users="30")
    assert response.status_code == 302 and len(response.url) < 1000
    page = text_of(client.get(response.url))
    assert "8 030 261 248 parameters" in page and "30 users fit" in page


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("{}", "hidden_size is missing: a whole number"),
        (
            json.dumps({**CONFIG, "vocab_size": -1}),
            "vocab_size is a whole number from 1",
        ),
        ("not json", "is not JSON"),
        ("", "is empty"),
        ("[" * 5000, "is nested deeper than 16 levels"),
        (b"\x00\xff", "is not UTF-8"),
    ],
)
def test_a_bad_config_json_is_a_sentence_with_the_field(client, raw, said):
    response = upload(client, raw)
    assert response.status_code == 400 and said in text_of(response)


def test_an_upload_over_the_limit_is_refused_by_its_length_alone(client):
    class Unread:
        def read(self, *args):
            raise AssertionError("nobody may read it")

        readline = read

    response = client.generic(
        "POST",
        f"{PAGE}config/",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(2**30),
        **{"wsgi.input": Unread()},
    )
    assert response.status_code == 413
    assert f"has {2**30} bytes: at most {MAX_BYTES:,} are read" in text_of(response)


def test_a_second_file_says_the_format_of_the_weights(client):
    file = json.dumps(
        {
            "producer": {"name": "modelopt", "version": "0.33"},
            "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]},
        }
    )
    beside = SimpleUploadedFile("hf_quant_config.json", file.encode())
    response = upload(client, json.dumps(CONFIG), quant_file=beside)
    assert response.status_code == 302
    assert "FP8, a scale a tensor" in text_of(client.get(response.url))
    broken = SimpleUploadedFile("hf_quant_config.json", b"{}")
    response = upload(client, json.dumps(CONFIG), quant_file=broken)
    assert response.status_code == 400
    assert "hf_quant_config.json quant_algo is missing" in text_of(response)


def test_a_name_that_promises_a_format_warns_on_the_page(client):
    named = {**CONFIG, "_name_or_path": "some/Model-8B-NVFP4"}
    page = text_of(client.get(upload(client, json.dumps(named)).url))
    assert "The name says nvfp4, but the file has no quantization_config" in page


def test_an_upload_needs_the_token_of_the_page():
    strict = Client(enforce_csrf_checks=True)
    assert upload(strict, json.dumps(CONFIG)).status_code == 403


def test_a_config_in_a_link_is_read_as_carefully_as_an_upload(client):
    response = ask(client, model="own", config='{"hidden_size": "x"}')
    assert response.status_code == 400 and "hidden_size is a whole" in text_of(response)
    response = ask(client, model="own", config="x" * 5000)
    assert response.status_code == 400 and "at most 4,000 characters" in text_of(
        response
    )


def test_the_running_engine_is_compared_block_by_block(client, engine):
    running = replace(
        READY,
        model="smollm2-135m-instruct",
        dtype="bfloat16",
        kv_cache_bytes=256 * 2**20,
        versions={"vllm": "0.32.0"},
    )
    engine.hosts = [running]
    page = text_of(client.get(f"{PAGE}engine/"))
    assert "364 blocks" in page and "the same number" in page
    engine.hosts = [replace(running, num_blocks=300)]
    fragment = client.get(f"{PAGE}engine/", headers={"HX-Request": "true"})
    assert "they differ" in text_of(fragment) and "<html" not in text_of(fragment)


def test_without_an_engine_the_check_says_so(client, engine):
    engine.hosts = []
    assert "No engine is running" in text_of(client.get(f"{PAGE}engine/"))

    engine.broken = RedisError("refused")
    assert "broker does not answer" in text_of(client.get(f"{PAGE}engine/"))


@pytest.mark.parametrize("users", [1, 40, 4_000])
@pytest.mark.parametrize("total_gib", [8.0, 24.0, 80.0])
def test_the_bar_is_to_scale_and_whole(users, total_gib):
    settings = EngineSettings(
        model("llama-3.1-8b"), Interval.exact(total_gib), num_users=users
    )
    found = estimate_memory(settings)
    bar = bar_of(found)
    assert sum(part.width_pct for part in bar.parts) == pytest.approx(100)
    weights = next(part for part in bar.parts if part.name == "weights")
    share = found.weights.value / found.total.value
    assert weights.width_pct / bar.edge_pct == pytest.approx(share)
    assert ("over" in bar.letters()) == (not found.fits)


def test_a_slice_of_a_card_is_sized_alone(client):
    page = text_of(ask(client, model="qwen3-8b", gpu="h200-sxm-1g.18gb", weights="fp8"))
    assert "H200 MIG 1g.18gb" in page
    refused = ask(client, model="qwen3-8b", gpu="h200-sxm-1g.18gb", tp="2")
    assert refused.status_code == 400 and "no link joins slices" in text_of(refused)


def test_a_model_with_states_shows_what_they_take_of_a_user(client):
    config = {
        **CONFIG,
        "model_type": "qwen3_next",
        "num_hidden_layers": 4,
        "full_attention_interval": 4,
        "linear_num_value_heads": 32,
        "linear_num_key_heads": 16,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    }
    query = {"model": "own", "config": json.dumps(config), "tp": "1"}
    page = text_of(ask(client, **query))
    assert "A user’s states (gated delta net), on one GPU" in page
    assert "3 293 184 bytes, at any length" in page
    assert "Layers with a state (gated delta net) take 2 pages" in page
    newer = text_of(ask(client, **query, gpu="h100-sxm", version="0.33"))
    assert "Layers with a state (gated delta net) take 3 pages" in newer


def test_a_context_beyond_the_model_is_refused_in_every_line(client):
    page = text_of(ask(client, model="llama-2-7b", context="32768", tp="1"))
    assert "It does not start: the model has positions for 4,096 tokens only." in page
    assert "1 user fits" not in page
    assert "Users that fit at once</dt><dd>0 " in page


def test_what_else_an_engine_is_started_with_is_asked_and_answered(client):
    query = {"model": "llama-3.1-8b", "gpu": "h100-sxm", "tp": "1"}
    more = {"dp": "2", "loras": "4", "rank": "64", "kv": "int4_per_token_head"}
    more |= {"drafter": "eagle3", "drafts": "3", "compiled": "cold", "runner": "2"}
    page = text_of(ask(client, **query, **more))
    assert "LoRA slots 1.4" in page and "drafter " in page
    assert "2 engines side by side" in page and "2 × H100 SXM" in page
    assert "34 816 bytes" in page or "35 " in page
    assert "--speculative-config" in page and "Cold start" in page
    assert '<details class="plan-more" open>' in page
    assert (
        'name="loras" inputmode="numeric" maxlength="6" placeholder="none" value="4"'
        in page
    )
