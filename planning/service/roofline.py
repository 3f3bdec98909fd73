"""Seconds of an engine's step, from FLOP/s, bandwidth and the link between GPUs.

    step = fixed + max(products' FLOPs ÷ FLOP/s, weights read ÷ bandwidth)
                 + max(attention's FLOPs ÷ FLOP/s, caches read ÷ bandwidth)
                 + 2 × layers × (sync + bytes over the link ÷ link)

FLOP/s and bandwidth are the card's times the share of it that engines reach (see
shares). Products and attention are kernels one after the other, so each is bound by
what it lacks (Williams et al., Roofline, 2009). The link carries two all-reduces a
layer, 2 × (n − 1) ÷ n of a token's values each way (Megatron-LM).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from planning.service.model_cost import ModelCost

ACTIVATION_BYTES = 2
REDUCES_A_LAYER = 2


@dataclass(frozen=True)
class Machine:
    """The GPUs of one worker, as an engine can use them."""

    flops_per_s: float
    """Reached, of all GPUs together."""
    bytes_per_s: float
    """Reached, of all GPUs together."""
    step_s: float
    """Of every step, whatever is in it."""
    expert_share: float = 1.0
    """Of the FLOP/s reached, that products of experts reach."""
    packed_share: float = 1.0
    """Of the bandwidth reached, at which weights of 4 bits are read and unpacked."""
    num_gpus: int = 1
    link_bytes_per_s: float = 0.0
    """Each way, of one GPU; only used with several."""
    sync_s: float = 0.0
    """Of one all-reduce, however short."""


@dataclass(frozen=True)
class Roofline:
    """A model on a machine."""

    cost: ModelCost
    machine: Machine

    def seconds(
        self, chunks: Sequence[tuple[int, int]], contexts: Sequence[float]
    ) -> float:
        """Of a step that computes ``chunks`` (first token, one past the last) of
        prompts and one token for each of ``contexts``."""
        cost = self.cost
        pairs = sum(cost.prompt_flops(*chunk) for chunk in chunks)
        pairs += sum(cost.decode_flops(context) for context in contexts)
        cached = sum(cost.read_cache(context) for context in contexts)
        cached += sum(cost.read_cache(last) for _, last in chunks)
        prompt = sum(last - first for first, last in chunks)
        samples = len(contexts) + len(chunks)
        return self._seconds(prompt + len(contexts), samples, pairs, cached)

    def _seconds(
        self, num_tokens: float, samples: float, pairs: float, cached: float
    ) -> float:
        cost, machine = self.cost, self.machine
        token_flops = cost.token_flops + cost.expert_flops / machine.expert_share
        products = token_flops * num_tokens + cost.sample_flops * samples
        return (
            machine.step_s
            + self._longer(products, self._weights(num_tokens))
            + self._longer(pairs, cached)
            + self._link_s(num_tokens)
        )

    def _weights(self, num_tokens: float) -> float:
        """Bytes of weights as they would be, were nothing packed."""
        cost, packed = self.cost, self.machine.packed_share
        dense = cost.weight_bytes / (packed if cost.has_packed_weights else 1)
        experts = cost.read_experts(num_tokens)
        return dense + experts / (packed if cost.has_packed_experts else 1)

    def _longer(self, flops: float, num_bytes: float) -> float:
        machine = self.machine
        return max(flops / machine.flops_per_s, num_bytes / machine.bytes_per_s)

    def _link_s(self, num_tokens: float) -> float:
        machine = self.machine
        if machine.num_gpus == 1:
            return 0.0
        share = 2 * (machine.num_gpus - 1) / machine.num_gpus
        sent = share * num_tokens * self.cost.hidden_size * ACTIVATION_BYTES
        each = machine.sync_s + sent / machine.link_bytes_per_s
        return REDUCES_A_LAYER * self.cost.num_layers * each

    def step_s(self, num_requests: int, context: float) -> float:
        """Of a step that only decodes, all requests with that context."""
        pairs = num_requests * self.cost.decode_flops(context)
        cached = num_requests * self.cost.read_cache(context)
        return self._seconds(num_requests, num_requests, pairs, cached)

    def prompt_s(self, num_tokens: int, budget: int) -> float:
        """Of a prompt alone, in steps of at most ``budget`` tokens."""
        firsts = range(0, num_tokens, budget)
        return sum(
            self.seconds([(first, min(first + budget, num_tokens))], ())
            for first in firsts
        )

    def crowded_prompt_s(self, num_tokens: int, budget: int) -> float:
        """Of a prompt among others: short ones share a step."""
        together = max(1, budget // num_tokens)
        if together == 1:
            return self.prompt_s(num_tokens, budget)
        return self.seconds([(0, num_tokens)] * together, ()) / together
