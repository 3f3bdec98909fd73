"""Groups of layers, pages of one size, and states: what a block and a request are."""

import json
from dataclasses import replace

import pytest

from planning.errors import BadConfig, BadSetting
from planning.interval import GIB, Interval
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import kv_layout
from planning.memory.kv_groups import Cache, Kind, Spec, groups_of
from planning.memory.kv_reserve import in_flight_tokens
from planning.memory.sizing import estimate_memory
from planning.memory.split import ALONE, Split
from planning.memory.tensors import layer_tensors
from tests.planning.memory.like_public import DEEPSEEK_V4, MODELS


def settings_of(name: str, **fields) -> EngineSettings:
    return EngineSettings(
        model_from_config(MODELS[name]), Interval.exact(79.19), **fields
    )


@pytest.mark.parametrize(
    ("version", "pp", "steps"),
    [("0.19", 1, 1), ("0.25", 4, 1), ("0.26", 1, 2), ("0.32", 1, 2), ("0.32", 4, 5)],
)
def test_a_window_holds_the_blocks_of_all_steps_under_way(version, pp, steps):
    settings = settings_of(
        "Gemma 3, 62 layers",
        vllm_version=version,
        pp=pp,
        max_model_len=131_072,
        max_num_batched_tokens=8_192,
    )
    assert in_flight_tokens(settings) == steps * 8_192
    windowed = -(-(1_023 + steps * 8_192) // 16) + 1
    assert kv_layout(settings).blocks_per_user.value == 8_192 + 6 * windowed


def test_the_old_runner_of_experts_has_one_step_a_stage():
    settings = settings_of("gpt-oss", vllm_version="0.26", pp=2)
    assert in_flight_tokens(settings) == 2 * settings.max_num_batched_tokens


def test_a_logged_concurrency_of_gpt_oss_comes_out():
    """vLLM 0.29 on an L4: 2.38 GiB of cache are 82,819 tokens and 2.53 requests."""
    settings = settings_of(
        "gpt-oss",
        vllm_version="0.29.0",
        max_model_len=32_768,
        max_num_batched_tokens=4_096,
    )
    layout = kv_layout(settings)
    sizes = [layout.num_blocks((2.38 + side) * GIB) for side in (-0.005, 0.005)]
    low, high = (layout.num_tokens(blocks) for blocks in sizes)
    assert low <= 82_819 <= high
    assert round(layout.concurrency(sizes[0]), 1) == 2.5


def test_a_logged_pool_of_qwen_comes_out():
    """vLLM 0.19 logs 290,864 tokens and 33.04 requests (issue 40691, 2026-04-23)."""
    settings = settings_of(
        "Qwen3.5, dense", vllm_version="0.19.0", max_model_len=32_768
    )
    layout = kv_layout(settings)
    assert layout.num_tokens(1_487) == 290_864
    assert round(layout.concurrency(1_487), 2) == 33.04


@pytest.mark.parametrize(
    ("name", "version", "block_size", "pages"),
    [
        # vLLM 0.19 logged 784 tokens a block for this shape, one page a state.
        ("Qwen3.5, dense", "0.19", 784, 1),
        ("Qwen3.5, dense", "0.26", 784, 1),
        ("Qwen3.5, dense", "0.32", 784, 2),
        ("Qwen3.5, dense", "0.33", 832, 3),
        ("Nemotron 3, experts", "0.32", 2_096, 3),
        ("Jamba", "0.32", 80, 2),
    ],
)
def test_attention_takes_blocks_as_large_as_a_state(name, version, block_size, pages):
    layout = kv_layout(settings_of(name, vllm_version=version))
    assert layout.block_size == block_size
    assert layout.state_pages == Interval.exact(pages)
    states = layout.num_groups_of(Kind.STATE)
    full = layout.num_groups - states
    tokens = -(-8_192 // block_size)
    assert layout.blocks_per_user.value == full * tokens + states * pages


def test_a_gated_delta_net_takes_as_before_without_flashinfer_or_prefix_caching():
    new = settings_of("Qwen3.5, dense", vllm_version="0.33")
    without = replace(new, enable_prefix_caching=False)
    for settings, pages in ((replace(new, arch="ada"), 2), (without, 1)):
        layout = kv_layout(settings)
        assert (layout.block_size, layout.state_pages.value) == (784, pages)


def test_a_logged_block_of_a_large_nemotron_comes_out():
    """vLLM 0.23 sets 8,320 tokens for Nemotron 3 Super with an 8-bit cache (issue
    48401 of vLLM, 2026-07): 128 heads of 64 x 128 in 32 bit."""
    settings = settings_of(
        "Nemotron 3, 16-bit states",
        vllm_version="0.23",
        kv_cache_dtype="fp8",
        max_model_len=262_144,
    )
    state = replace(settings.model.state, is_float32=True)
    wide = replace(settings, model=replace(settings.model, state=state))
    assert kv_layout(wide).block_size == 8_320


def test_prefix_caching_that_is_asked_for_takes_the_pages_it_takes():
    asked = settings_of("Qwen3.5, dense", vllm_version="0.26")
    asked = replace(asked, enable_prefix_caching=True)
    assert kv_layout(asked).state_pages == Interval.exact(2)
    without = replace(asked, vllm_version="0.32", enable_prefix_caching=False)
    assert kv_layout(without).state_pages == Interval.exact(1)


def test_versions_that_were_not_read_widen_the_users():
    found = estimate_memory(settings_of("Nemotron 3, experts", vllm_version="0.29"))
    assert found.layout.state_pages == Interval(1, 2, 3)
    sure = estimate_memory(settings_of("Nemotron 3, experts", vllm_version="0.32"))
    assert found.users.high > found.num_blocks.high // sure.blocks_per_user


def test_a_state_is_divided_among_the_gpus_or_refused():
    one, two = (kv_layout(settings_of("Qwen3-Next", tp=n)).state_bytes for n in (1, 2))
    assert one == 2 * two
    with pytest.raises(BadSetting, match=r"tp: is 4: the heads of .* with a state"):
        odd = replace(settings_of("Qwen3-Next"), tp=4)
        state = replace(odd.model.state, num_key_heads=2)
        estimate_memory(replace(odd, model=replace(odd.model, state=state)))


def test_pipeline_stages_share_the_groups_of_the_whole_model():
    settings = settings_of("Nemotron 3, experts", pp=2)
    stages = [kv_layout(settings, rank) for rank in (0, 1)]
    assert stages[0].groups == stages[1].groups
    assert sum(stage.num_layers for stage in stages) == 52


def test_pages_of_rows_that_cannot_be_padded_come_to_no_size():
    row = Cache(0, Spec(Kind.FULL, 16, 1_000, is_row=True))
    window = Cache(1, Spec(Kind.WINDOW, 16, 1_536, 128))
    with pytest.raises(ValueError, match="1000 bytes do not divide 1536"):
        groups_of([row, window])


def test_a_smaller_page_takes_more_tokens_or_padding():
    wide = Cache(0, Spec(Kind.FULL, 16, 4_096))
    half = Cache(1, Spec(Kind.WINDOW, 16, 2_048, 128))
    odd = Cache(2, Spec(Kind.CHUNK, 16, 3_000, 128))
    groups = groups_of([wide, half, odd])
    assert [group.block_size for group in groups] == [16, 32, 16]
    assert {group.page_bytes(range(3)) for group in groups} == {4_096}


def deepseek_v4(**fields) -> EngineSettings:
    return EngineSettings(
        model_from_config(DEEPSEEK_V4), Interval.exact(95.6), **fields
    )


def test_the_groups_of_deepseek_v4_are_those_that_a_report_shows():
    """vLLM 0.28.1: layers and pages of its five groups (issue 54703, 2026-09)."""
    layout = kv_layout(deepseek_v4(vllm_version="0.28.1", max_model_len=272_000))
    groups = {
        (len(group.caches), group.block_size, group.page_bytes(layout.layers))
        for group in layout.groups
    }
    assert groups == {
        (62, 256, 1_002_240),
        (22, 64, 823_680),
        (21, 64, 786_240),
        (42, 4, 870_912),
        (20, 8, 656_640),
    }
    assert layout.block_bytes == 1_002_240
    assert "584 bytes" in " ".join(model_from_config(DEEPSEEK_V4).doubts)


def test_one_request_of_deepseek_v4_takes_what_a_report_says():
    """6.66 GiB for 30,000 tokens (vLLM issue 44376, 2026-06), in whole layer tuples."""
    layout = kv_layout(
        deepseek_v4(
            vllm_version="0.22", max_model_len=30_000, max_num_batched_tokens=16_384
        )
    )
    tuples = 22 * (37_440 + 8_640 + 1_728)
    assert layout.blocks_per_user == Interval.exact(6_800)
    assert round(6_800 * tuples / GIB, 2) == 6.66
    assert layout.block_bytes < tuples


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("compress_ratios", [4, 16, *[0] * 41], "compress_ratios: has .16.: rows are"),
        ("compress_ratios", [4], "compress_ratios: names 1 layers"),
        ("compress_ratios", "all", "compress_ratios: is a list"),
        ("head_dim", 256, "head_dim: has .256.: rows are known here for 512"),
    ],
)
def test_compressed_rows_of_another_size_are_refused(field, value, said):
    with pytest.raises(BadConfig, match=said):
        model_from_config({**DEEPSEEK_V4, field: value})


def test_layers_of_one_thing_each_have_no_other_weights():
    model = model_from_config(MODELS["Nemotron 3, experts"])
    parts = [
        {t.part for t in layer_tensors(model, ALONE, range(i, i + 1))}
        for i in (0, 1, 5)
    ]
    assert parts[0] == {"state", "norms"}
    assert parts[1] == {"experts", "router", "MLP", "norms"}
    assert parts[2] == {"attention", "norms"}


@pytest.mark.parametrize("name", MODELS)
def test_the_compact_form_of_a_config_has_the_same_cache(name):
    kept = json.loads(compact(MODELS[name]))
    whole, short = model_from_config(MODELS[name]), model_from_config(kept)
    assert whole == short


@pytest.mark.parametrize(
    ("name", "field", "value", "said"),
    [
        (
            "Qwen3-Next",
            "layer_types",
            ["dreaming"] * 48,
            "layer_types: lists 'dreaming'",
        ),
        ("Qwen3-Next", "linear_key_head_dim", None, "linear_key_head_dim: is missing"),
        ("Nemotron-H, dense", "hybrid_override_pattern", "M?", "lists '\\?'"),
        ("Nemotron-H, dense", "hybrid_override_pattern", "M" * 51, "names 51 layers"),
        ("Nemotron-H, dense", "ssm_state_size", 0, "ssm_state_size: is a whole number"),
        ("Kimi Linear", "linear_attn_config", {"full_attn_layers": "all"}, "is a list"),
        ("Jamba", "mamba_d_state", 10**9, "mamba_d_state: is a whole number"),
        ("dense, wide heads", "layer_types", ["mamba"] * 28, "no field that is known"),
    ],
)
def test_what_is_not_known_of_a_state_is_refused_by_its_field(name, field, value, said):
    with pytest.raises(BadConfig, match=said):
        model_from_config({**MODELS[name], field: value})


@pytest.mark.parametrize(
    ("name", "fields", "width"),
    [
        ("LFM2", {"block_ff_dim": 12_288}, 8_192),
        ("LFM2", {"intermediate_size": 10_000}, 6_912),
        ("LFM2", {"block_ff_dim": 999, "block_auto_adjust_ff_dim": False}, 999),
        ("Granite 4, tiny", {"intermediate_size": 512}, 256),
    ],
)
def test_a_dense_mlp_is_as_wide_as_its_family_makes_it(name, fields, width):
    assert model_from_config({**MODELS[name], **fields}).intermediate_size == width


def test_an_indexer_has_weights_only_where_it_is():
    model = model_from_config(MODELS["MLA, indexers shared"])
    own, shared = (
        sum(t.num_values for t in layer_tensors(model, ALONE, range(i, i + 1)))
        for i in (0, 1)
    )
    projections = 32 * 128 * 1_536 + 128 * 6_144 + 32 * 6_144
    assert own - shared == projections + 2 * 128


def test_the_weights_of_a_gated_delta_net_are_those_of_its_projections():
    model = model_from_config(MODELS["Qwen3-Next"])
    tensors = [t for t in layer_tensors(model, ALONE, range(1)) if t.part == "state"]
    projected = 2_048 * (12_288 + 64) + 8_192 * 4 + 4_096 * 2_048
    assert sum(t.num_values for t in tensors) == projected + 2 * 32 + 128
    half = [t for t in layer_tensors(model, Split(2), range(1)) if t.part == "state"]
    assert sum(t.num_values for t in half) == (projected + 2 * 32) / 2 + 128


def test_a_thousand_layers_are_looked_at_as_the_few_kinds_that_they_are(
    monkeypatch,
) -> None:
    """What somebody pastes has at most so many, and is compared on every card."""
    looked = []
    blocks = Spec.blocks

    def counted(self: Spec, *args: int) -> int:
        looked.append(self)
        return blocks(self, *args)

    monkeypatch.setattr(Spec, "blocks", counted)
    layers = [
        Cache(i, Spec(Kind.WINDOW if i % 6 else Kind.FULL, 16, 4096, reach=512))
        for i in range(1000)
    ]
    groups = groups_of(layers)
    assert sum(group.blocks(8192, 2048, 1) for group in groups) > 0
    assert len(looked) == len(groups)
