"""Layers that keep a state besides, or instead of, a KV cache: its bytes and weights.

A state has the size of its layer, whatever the length of the request: the last inputs
of a short convolution and, in all but ``SHORT_CONV``, a matrix for each head. vLLM
keeps it in pages of the same pool as the KV cache. Source of the shapes: vLLM 0.26 and
0.32, model_executor/layers/mamba/mamba_utils.py (MambaStateShapeCalculator); of the
weights: mamba_mixer.py, mamba_mixer2.py, gdn/, short_conv.py and linear/ beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class StateKind(Enum):
    """The kinds that vLLM knows; ``MambaSpec`` holds them all."""

    MAMBA1 = "Mamba"
    MAMBA2 = "Mamba 2"
    GATED_DELTA_NET = "gated delta net"
    KDA = "Kimi delta attention"
    LINEAR = "linear attention"
    SHORT_CONV = "short convolution"


@dataclass(frozen=True)
class StateLayers:
    """The layers with a state; all have the same shape."""

    kind: StateKind
    layers: frozenset[int]
    num_heads: int = 1
    head_dim: int = 1
    """Rows of a head's state, as of its values."""
    state_size: int = 0
    """Columns of a head's state, as of its keys; of Mamba values a channel."""
    num_key_heads: int = 1
    """Heads of the keys, or Mamba 2's groups."""
    conv_kernel: int = 4
    is_float32: bool = False
    """Whether the state of the heads is kept in 32 bit; the convolution's never is."""
    rank: int = 0
    """Of the low-rank step size of Mamba."""
    has_projection_bias: bool = False
    has_conv_bias: bool = True
    has_full_gate: bool = False
    """Whether KDA's output gate is a whole matrix, not a product of two."""

    @property
    def inner_size(self) -> int:
        """Width of the values of all heads."""
        return self.num_heads * self.head_dim

    def is_divided_by(self, tp: int) -> bool:
        """Whether the heads can be shared out among ``tp`` GPUs."""
        if self.kind in (StateKind.MAMBA1, StateKind.SHORT_CONV):
            return self.inner_size % tp == 0
        if self.kind is StateKind.GATED_DELTA_NET and self.num_key_heads % tp:
            return False
        if self.kind is StateKind.MAMBA2 and self._groups(tp) % tp:
            return False
        return self.num_heads % tp == 0

    def conv_dim(self, tp: int = 1) -> int:
        """Channels of the convolution over all GPUs; 0 where there is none."""
        if self.kind is StateKind.LINEAR:
            return 0
        if self.kind is StateKind.MAMBA2:
            return self.inner_size + 2 * self._groups(tp) * self.state_size
        if self.kind is StateKind.GATED_DELTA_NET:
            return self.inner_size + 2 * self.num_key_heads * self.state_size
        return self.inner_size * (3 if self.kind is StateKind.KDA else 1)

    def _groups(self, tp: int) -> int:
        """Groups that do not divide are kept once a GPU."""
        return self.num_key_heads if self.num_key_heads % tp == 0 else tp

    def state_bytes(
        self, tp: int = 1, element_bytes: int = 2, num_drafted: int = 0
    ) -> int:
        """Bytes of one layer's state of one request on one GPU, without padding.

        The convolution keeps the inputs of drafted tokens too, but in Mamba 1.
        """
        more = 0 if self.kind is StateKind.MAMBA1 else num_drafted
        recent = self.conv_dim(tp) // tp * (self.conv_kernel - 1 + more) * element_bytes
        wide = 4 if self.is_float32 else element_bytes
        return recent + self.inner_size // tp * self.state_size * wide


@dataclass(frozen=True)
class StateTensor:
    """A weight of one GPU: a matrix of rows × columns, or a vector of ``rows``."""

    rows: float
    columns: float = 0
    is_float32: bool = False
    is_quantizable: bool = True
    """Whether it is a linear layer that a quantised repository may quantise."""


def state_tensors(
    state: StateLayers, hidden_size: int, tp: int = 1
) -> Iterator[StateTensor]:
    """The weights of one such layer on one GPU, without its norm."""
    convolved = state.conv_dim(tp) / tp
    if convolved:
        yield StateTensor(convolved, state.conv_kernel, is_quantizable=False)
        if state.has_conv_bias:
            yield StateTensor(convolved)
    yield from _INNER[state.kind](state, hidden_size, tp)
    yield StateTensor(hidden_size, state.inner_size / tp)
    if state.has_projection_bias:
        yield StateTensor(hidden_size)


def _mamba1(state: StateLayers, hidden: int, tp: int) -> Iterator[StateTensor]:
    inner = state.inner_size / tp
    yield StateTensor(2 * inner, hidden)
    yield StateTensor(state.rank + 2 * state.state_size, inner)
    yield StateTensor(inner, state.rank)
    yield StateTensor(inner, is_float32=True)  # bias of the step size
    yield StateTensor(inner * state.state_size, is_float32=True)
    yield StateTensor(inner, is_float32=True)


def _mamba2(state: StateLayers, hidden: int, tp: int) -> Iterator[StateTensor]:
    inner, heads = state.inner_size / tp, state.num_heads / tp
    rows = inner + state.conv_dim(tp) / tp + heads
    yield StateTensor(rows, hidden)
    if state.has_projection_bias:
        yield StateTensor(rows)
    yield StateTensor(heads, is_float32=True)
    yield StateTensor(heads)
    yield StateTensor(heads)
    yield StateTensor(inner)  # gated norm


def _gated_delta_net(state: StateLayers, hidden: int, tp: int) -> Iterator[StateTensor]:
    heads = state.num_heads / tp
    yield StateTensor((state.conv_dim() + state.inner_size) / tp, hidden)
    yield StateTensor(2 * heads, hidden)
    yield StateTensor(heads)
    yield StateTensor(heads, is_float32=True)
    yield StateTensor(state.head_dim)


def _kda(state: StateLayers, hidden: int, tp: int) -> Iterator[StateTensor]:
    inner, heads = state.inner_size / tp, state.num_heads / tp
    yield StateTensor(3 * inner, hidden)
    yield StateTensor(state.head_dim, hidden)
    yield StateTensor(inner, state.head_dim)
    if state.has_full_gate:
        yield StateTensor(inner, hidden)
    else:
        yield StateTensor(state.head_dim, hidden)
        yield StateTensor(inner, state.head_dim)
    yield StateTensor(heads, hidden)
    yield StateTensor(inner, is_float32=True)
    yield StateTensor(heads, is_float32=True)
    yield StateTensor(state.head_dim)


def _linear(state: StateLayers, hidden: int, tp: int) -> Iterator[StateTensor]:
    inner = state.inner_size / tp
    yield StateTensor(3 * inner, hidden)
    yield StateTensor(inner, hidden)
    yield StateTensor(inner)


def _short_conv(state: StateLayers, hidden: int, tp: int) -> Iterator[StateTensor]:
    yield StateTensor(3 * state.inner_size / tp, hidden)


_INNER = {
    StateKind.MAMBA1: _mamba1,
    StateKind.MAMBA2: _mamba2,
    StateKind.GATED_DELTA_NET: _gated_delta_net,
    StateKind.KDA: _kda,
    StateKind.LINEAR: _linear,
    StateKind.SHORT_CONV: _short_conv,
}
