"""What the cards of one replica send each other, from the shape of the model.

    tensor parallel    2 all-reduces a layer of hidden × 2 bytes a token; in a ring each
                       card sends 2 (tp − 1) ÷ tp of it
    pipeline parallel  hidden × 2 bytes a token at each boundary between stages
    expert parallel    each token to its top_k experts and back: 2 × top_k × hidden × 2
                       bytes, of which (ep − 1) ÷ ep leave the card

Ring all-reduce: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms" (2009).
Values pass between layers in 16 bit. Latencies are not in it: an all-reduce of a few
kilobytes takes microseconds on any link, whatever its bandwidth.
"""

from dataclasses import dataclass

from planning.memory.model import Model

ACTIVATION_BYTES = 2
ALL_REDUCES = 2
"""A layer: after attention and after the MLP or the experts."""
LINK_SHARE = 0.1
"""Of a step's time that its communication may add before a link counts as too slow:
our choice."""
PCIE5_GBS = 32 * 16 * 128 / 130 / 8
"""GB/s each way of 16 lanes of PCIe 5.0: 32 GT/s a lane, 128 of 130 bits are data."""


@dataclass(frozen=True)
class Communication:
    """Bytes that one card sends for one token; 0: nothing of the kind."""

    num_all_reduces: int
    """Of a token on its way through this card; one waits for the other."""
    tensor: float
    pipeline: float
    experts: float
    """If the experts were spread over the same cards by --enable-expert-parallel with
    data-parallel attention; 0 for a dense model."""

    @property
    def bytes_per_token(self) -> float:
        """Of the arrangement as it stands: tensor and pipeline parallel."""
        return self.tensor + self.pipeline


def communication(model: Model, tp: int, pp: int = 1) -> Communication:
    """Of a model split over tp × pp cards."""
    row = model.hidden_size * ACTIVATION_BYTES
    num = ALL_REDUCES * model.num_hidden_layers // pp if tp > 1 else 0
    moe = model.moe
    sent_to_experts = 2 * moe.top_k * row * len(moe.layers) if moe else 0
    return Communication(
        num_all_reduces=num,
        tensor=num * row * 2 * (tp - 1) / tp,
        pipeline=float(row) if pp > 1 else 0.0,
        experts=sent_to_experts * (tp - 1) / tp / pp,
    )


def link_gbs(bytes_per_token: float, seconds_per_token: float) -> float:
    """GB/s each way that keep communication within LINK_SHARE of the computation."""
    return bytes_per_token / (LINK_SHARE * seconds_per_token) / 1e9
