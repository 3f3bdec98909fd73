"""The line, the service and the manifest that start what the page shows."""

import json
import shlex
from datetime import date

import kubernetes_validate
import pytest
import yaml
from django.test import Client

from capacity.hardware.answer import answer
from capacity.hardware.deployment import Deployment
from capacity.hardware.query import HardwareQuery
from planning.memory.compact import compact
from planning.memory.model_catalog import model

PAGE = "/lab/hardware/"
TODAY = date(2026, 11, 26)


def made(**fields: object) -> Deployment:
    found = answer(HardwareQuery(**fields), TODAY).deployment  # type: ignore[arg-type]
    assert found is not None
    return found


def words(found: Deployment) -> list[str]:
    return shlex.split(found.command.replace("\\\n", " "))


def test_the_line_has_the_plan_and_says_what_it_derived() -> None:
    found = made(model="llama-3.1-70b", gpu="h100-sxm", context=4_096, users=4)
    assert words(found)[:3] == ["vllm", "serve", "meta-llama/Llama-3.1-70B"]
    origins = {flag.name: (flag.value, flag.origin) for flag in found.flags}
    assert origins["--max-model-len"] == ("4096", "asked")
    value, origin = origins["--tensor-parallel-size"]
    assert int(value) > 1 and origin == "derived"
    assert origins["--max-num-seqs"][1] == "derived"
    chosen = made(model="llama-3.1-70b", gpu="h100-sxm", tp="4", seqs=64, kv="fp8")
    origins = {flag.name: (flag.value, flag.origin) for flag in chosen.flags}
    assert origins["--tensor-parallel-size"] == ("4", "asked")
    assert origins["--max-num-seqs"] == ("64", "asked")
    assert origins["--kv-cache-dtype"] == ("fp8", "asked")


def test_each_flag_says_something_of_its_own() -> None:
    for found in (made(users=2, context=1024), made(seqs=4, tokens=4096, pp=2)):
        said = [flag.why for flag in found.flags]
        assert len(set(said)) == len(said), said


def test_all_three_say_the_same() -> None:
    found = made(model="llama-3.1-70b", gpu="h100-sxm", tp="4")
    arguments = words(found)[2:]
    service = yaml.safe_load(found.compose)["services"]["vllm"]
    assert service["command"] == arguments
    assert service["image"] == "vllm/vllm-openai:v0.32.0"
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["count"] == 4
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert found.kubernetes is not None and "&id" not in found.kubernetes
    pods, entry = yaml.safe_load_all(found.kubernetes)
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    assert container["args"] == arguments
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 4}
    labels = pods["spec"]["template"]["metadata"]["labels"]
    assert (
        entry["spec"]["selector"] == labels == pods["spec"]["selector"]["matchLabels"]
    )


@pytest.mark.parametrize("kv", ["auto", "fp8"])
@pytest.mark.parametrize("tp", ["1", "8"])
def test_the_manifest_keeps_to_the_published_schemas(tp: str, kv: str) -> None:
    found = made(model="llama-3.1-70b", gpu="b200-sxm", tp=tp, kv=kv)
    assert found.kubernetes is not None
    for document in yaml.safe_load_all(found.kubernetes):
        kubernetes_validate.validate(document, "1.36", strict=True)


def test_what_would_not_start_gets_no_line() -> None:
    found = answer(HardwareQuery(model="llama-3.1-70b", gpu="l4", tp="1"), TODAY)
    assert found.deployment is None


def test_what_is_not_known_is_a_sentence() -> None:
    own = made(model="own", config=compact(OWN), context=2_048)
    assert "MODEL" in own.command and "place of MODEL" in " ".join(own.notes)
    awq = made(model="llama-3.1-8b", weights="awq")
    assert "another repository" in " ".join(awq.notes)
    assert "--quantization" not in awq.command
    fp8 = made(model="llama-3.1-8b", weights="fp8")
    assert "--quantization fp8" in fp8.command
    amd = made(model="llama-3.1-8b", gpu="mi300x")
    assert amd.compose is None and "NVIDIA" in " ".join(amd.notes)
    part = made(model="qwen3-8b", gpu="h200-sxm-1g.18gb", weights="fp8", context=2_048)
    assert part.compose is None and "slice" in " ".join(part.notes)
    many = made(model="llama-3.1-8b", gpu="h100-sxm", tp="8", pp=2)
    assert many.kubernetes is None and "16 GPUs" in " ".join(many.notes)


OWN = {
    "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 256,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 512,
    "vocab_size": 1024, "max_position_embeddings": 4096,
}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"model": "qwen3-30b-a3b", "dp": 2, "experts": "whole"},
            ["--data-parallel-size", "2", "--enable-expert-parallel"],
        ),
        (
            {"loras": 4, "rank": 64},
            ["--enable-lora", "--max-loras", "4", "--max-lora-rank", "64"],
        ),
        (
            {"model": "deepseek-v3", "drafter": "mtp", "drafts": 1, "gpu": "h200-sxm"},
            [
                "--speculative-config",
                '{"method": "mtp", "num_speculative_tokens": 1}',
            ],
        ),
        (
            {"model": "llama-3.1-70b", "drafter": "draft_model", "drafts": 5},
            [
                "--speculative-config",
                '{"method": "draft_model", "model": "meta-llama/Llama-3.2-1B", '
                '"num_speculative_tokens": 5}',
            ],
        ),
    ],
)
def test_the_line_has_what_else_was_asked(
    fields: dict[str, object], expected: list[str]
) -> None:
    found = made(**{"gpu": "h100-sxm", **fields})
    assert words(found)[-len(expected) :] == expected
    assert found.compose is None or (
        yaml.safe_load(found.compose)["services"]["vllm"]["command"] == words(found)[2:]
    )


def test_a_model_runner_is_a_variable_in_all_three() -> None:
    found = made(model="llama-3.1-8b", gpu="h100-sxm", runner="1")
    name = "VLLM_USE_V2_MODEL_RUNNER"
    assert found.command.startswith(f"{name}=0 vllm serve")
    assert found.compose is not None and found.kubernetes is not None
    service = yaml.safe_load(found.compose)["services"]["vllm"]
    assert service["environment"][name] == "0"
    pods, _ = yaml.safe_load_all(found.kubernetes)
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    assert {"name": name, "value": "0"} in container["env"]


def test_a_head_that_is_not_named_is_a_sentence() -> None:
    found = made(model="llama-3.1-8b", gpu="h100-sxm", drafter="eagle3")
    assert '"model": "HEAD"' in found.command
    assert "in place of HEAD" in " ".join(found.notes)


@pytest.mark.django_db
def test_the_page_shows_it(client: Client) -> None:
    page = client.get(PAGE, {"gpu": "h100-sxm"}).text
    assert "vllm serve meta-llama/Llama-3.1-8B" in page
    assert "nvidia.com/gpu" in page and "your choice" in page
    refused = {"model": "llama-3.1-70b", "gpu": "l4", "tp": "1"}
    assert "vllm serve" not in client.get(PAGE, refused).text


@pytest.mark.engine
@pytest.mark.parametrize(
    "fields",
    [
        {"model": "llama-3.1-8b", "gpu": "h100-sxm"},
        {"model": "llama-3.1-70b", "gpu": "h100-sxm", "tp": "4", "pp": 2, "kv": "fp8"},
        {"model": "llama-3.1-8b", "gpu": "l4", "weights": "fp8", "context": 2_048},
        {"model": "qwen3-30b-a3b", "gpu": "h100-sxm", "dp": 2, "experts": "whole"},
        {"model": "llama-3.1-8b", "gpu": "h100-sxm", "loras": 4, "rank": 64},
        {"model": "llama-3.1-8b", "gpu": "h100-sxm", "drafter": "ngram", "drafts": 4},
    ],
)
def test_vllm_reads_the_line_as_it_was_meant(fields: dict[str, object]) -> None:
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    found = made(**fields)
    parser = AsyncEngineArgs.add_cli_args(FlexibleArgumentParser())
    read = parser.parse_args(words(found)[3:])
    for flag in found.flags:
        value = getattr(read, flag.name.removeprefix("--").replace("-", "_"))
        if flag.name == "--speculative-config":
            value = json.dumps(value)
        if not flag.value:
            assert value is True
            continue
        text = f"{value:g}" if isinstance(value, float) else str(value)
        assert text == flag.value, flag.name


def test_the_catalogs_models_name_their_repository() -> None:
    assert model("llama-3.1-8b").hf_id
