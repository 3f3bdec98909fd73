"""Cards and their slices: each with source and date, and called as drivers do."""

import pytest

from planning.catalog.gpus import arch_of, gpu, gpu_of_device, load_gpus, load_slices
from planning.catalog.prices import load_prices
from planning.errors import BadSetting

EVERY = (*load_gpus(), *load_slices())


@pytest.mark.parametrize(
    ("card_id", "memory_gb", "bandwidth", "visible"),
    [
        ("rtx5090", 32, 1792, 31.37),
        ("rtx3090", 24, 936, 23.58),
        ("rtx4090", 24, 1008, 23.65),
        ("a6000", 48, 768, 47.37),
        ("rtx-pro-6000", 96, 1792, 95.01),
        ("l4", 24, 300, 22.03),
        ("l40s", 48, 864, 44.42),
        ("gh200-96", 96, 4000, 94.5),
        ("gb10", 128, 273, 121.69),
        ("h200-sxm", 141, 4800, 139.8),
        ("b200-sxm", 180, 7700, 178.35),
        ("b300-sxm", 288, 7750, 268.0),
        ("mi300x", 192, 5300, 191.5),
        ("mi325x", 256, 6000, 255.0),
        ("mi355x", 288, 8000, 287.0),
    ],
)
def test_the_cards_people_ask_for_are_there(card_id, memory_gb, bandwidth, visible):
    card = gpu(card_id)
    assert (card.memory_gb, card.mem_bw_gbs) == (memory_gb, bandwidth)
    assert card.visible_gib.contains(visible)
    assert card.as_of is not None
    assert card.sources or card.status == "recalled"


def test_unified_memory_is_told():
    assert [card.id for card in load_gpus() if card.is_unified] == ["gb10"]


@pytest.mark.parametrize("card", EVERY, ids=lambda card: card.id)
def test_a_driver_name_leads_back_to_its_card(card):
    assert card.visible_gib.high <= card.memory_gb * 1.04
    if card.device:
        assert gpu_of_device(card.device) == card
        assert arch_of(card.device) == card.arch


@pytest.mark.parametrize(
    ("device", "visible", "compute", "memory_share"),
    [
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9.5, 1 / 7, 1 / 8),
        ("NVIDIA H100 80GB HBM3 MIG 1g.20gb", 19.5, 1 / 7, 2 / 8),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 19.5, 3 / 7, 4 / 8),
        ("NVIDIA H200 MIG 1g.18gb", 16.0, 1 / 7, 1 / 8),
        ("NVIDIA B200 MIG 2g.45gb", 44.0, 2 / 7, 2 / 8),
        ("NVIDIA B300 SXM6 AC MIG 4g.135gb", 133.0, 4 / 7, 4 / 8),
        (
            "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb",
            23.5,
            1 / 4,
            1 / 4,
        ),
    ],
)
def test_a_slice_has_its_share_of_memory_and_compute(
    device, visible, compute, memory_share
):
    part = gpu_of_device(device)
    assert part is not None and part.visible_gib.contains(visible)
    card = gpu(part.part_of)
    assert part.compute_share == pytest.approx(compute)
    assert part.fp16_dense_tflops == pytest.approx(card.fp16_dense_tflops * compute)
    assert part.mem_bw_gbs == pytest.approx(card.mem_bw_gbs * memory_share)


def test_a_card_that_is_not_there_is_refused_with_those_there_are():
    with pytest.raises(BadSetting, match=r"there is no GPU 'x'.*rtx5090"):
        gpu("x")


def test_no_price_is_of_a_slice():
    assert not {offer.gpu_id for offer in load_prices()} & {s.id for s in load_slices()}
