"""Settings of the engine host: typed, and refused by name."""

from pathlib import Path

import pytest

from lab.engine.config import EngineConfig
from lab.engine.launch import EngineRun
from lab.errors import SettingError
from lab.viewer.commands import ENGINE_HOST_ID


def config(tmp_path: Path, **variables: str) -> EngineConfig:
    return EngineConfig.from_env({"DATA_DIR": str(tmp_path), **variables})


def test_without_settings_it_serves_the_bundled_model_offline(tmp_path):
    found = config(tmp_path)
    assert found.model == str(tmp_path / "models" / "smollm2-135m-course")
    assert found.is_hub_model is False
    assert found.max_model_len == 2048
    assert found.max_output_tokens == 512


def test_a_hub_name_is_told_from_a_path(tmp_path):
    assert config(tmp_path, ENGINE_MODEL="owner/name").is_hub_model
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    found = config(tmp_path, ENGINE_MODEL=str(tmp_path / "model"))
    assert (found.model, found.is_hub_model) == (str(tmp_path / "model"), False)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ENGINE_MODEL", "a/b/c", "owner/name"),
        ("ENGINE_MODEL", "/no/such/model", "config.json"),
        ("ENGINE_DEVICE", "tpu", "auto, cpu, cuda"),
        ("ENGINE_DTYPE", "int4", "auto, float32, bfloat16, float16"),
        ("ENGINE_MAX_MODEL_LEN", "64", "from 128 to"),
        ("ENGINE_KV_CACHE_MB", "lots", "a whole number from 8"),
        ("ENGINE_GPU_MEMORY_UTILIZATION", "1.5", "from 0.05 to 1.0"),
        ("ENGINE_GPU_MEMORY_UTILIZATION", "nan", "from 0.05 to 1.0"),
        ("ENGINE_NUM_BLOCKS", "1", "from 2"),
        ("ENGINE_TENSOR_PARALLEL", "0", "from 1 to 64"),
        ("ENGINE_MAX_CONCURRENT_REQUESTS", "0", "from 1 to 4096"),
        ("ENGINE_SCHEDULING_POLICY", "fair", "priority, fcfs"),
        ("ENGINE_MAX_IN_FLIGHT", "-1", "from 1 to 4096"),
        ("ENGINE_MAX_OUTPUT_TOKENS", "2048", "from 1 to 2047"),
        ("ENGINE_MAX_NUM_BATCHED_TOKENS", "8", "from 32"),
        ("ENGINE_FRAMES_PER_S", "120", "from 1 to 60"),
        ("ENGINE_REQUEST_DEADLINE_S", "3600", "from 1 to 240"),
        ("ENGINE_HOST_ID", "a b", "letters, digits"),
        ("ENGINE_HOST_ID", "büro", "letters, digits"),
        ("REDIS_URL", "http://x", "redis://, rediss:// or unix://"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(
    tmp_path, name, value, allowed
):
    with pytest.raises(SettingError) as caught:
        config(tmp_path, **{name: value})
    sentence = str(caught.value)
    assert sentence.startswith(f"{name} is {value!r}: ")
    assert allowed in sentence


def test_a_data_dir_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"DATA_DIR is .*: it cannot be made"):
        config(tmp_path, DATA_DIR=str(tmp_path / "file" / "below"))


def test_a_data_dir_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for name in (str(loop), "~nobody-of-that-name/data"):
        with pytest.raises(SettingError, match=r"DATA_DIR is .*: it cannot be made"):
            config(tmp_path, DATA_DIR=name)


def test_any_name_of_a_machine_gives_an_id_that_pages_take_back(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "Büro von Anna's PC 電腦")
    found = config(tmp_path).engine_host_id
    assert ENGINE_HOST_ID.fullmatch(found) and found.startswith("B-ro-von-Anna-s-PC")


def test_the_host_id_is_the_same_at_each_start_and_differs_by_place(tmp_path):
    assert config(tmp_path).engine_host_id == config(tmp_path).engine_host_id
    assert config(tmp_path).engine_host_id != config(tmp_path / "b").engine_host_id


def test_the_embedded_servers_address_is_found_while_it_runs(tmp_path):
    (tmp_path / "redis_url").write_text("redis://:secret@127.0.0.1:7000/0")
    assert config(tmp_path).redis_url == "redis://:secret@127.0.0.1:7000/0"
    given = config(tmp_path, REDIS_URL="redis://elsewhere:6379/1")
    assert given.redis_url == "redis://elsewhere:6379/1"


def test_processors_do_not_share_a_model(tmp_path):
    assert config(tmp_path, ENGINE_TENSOR_PARALLEL="2").tensor_parallel == 2
    with pytest.raises(SettingError, match="allowed is 1 where ENGINE_DEVICE is cpu"):
        config(tmp_path, ENGINE_DEVICE="cpu", ENGINE_TENSOR_PARALLEL="2")


def test_every_start_gives_vllm_the_same_arguments(tmp_path):
    """Else its compile cache, which is found by them, would never be found again."""
    told = []
    for number in (1, 2):
        run = EngineRun(config(tmp_path), number)
        told.append(run.arguments())
        tap = Path(told[-1]["additional_config"]["tap_path"])
        (tap.parent / "phases.jsonl").touch()
        assert run.phases_path.exists(), "the engine process finds this run's files"
        run.close()
        assert not list(tmp_path.glob("run-*"))
    assert told[0] == told[1]


@pytest.mark.parametrize(("device", "cards"), [("cuda", 2), ("cpu", None)])
def test_vllm_is_told_how_many_cards_share_the_model(tmp_path, device, cards):
    variables = {"ENGINE_TENSOR_PARALLEL": str(cards)} if cards else {}
    run = EngineRun(config(tmp_path, ENGINE_DEVICE=device, **variables), 1)
    arguments = run.arguments()
    run.close()
    assert arguments.get("tensor_parallel_size") == cards
