"""How a model is divided among GPUs, as vLLM lays it out.

Source: vLLM 0.32, model_executor/layers/fused_moe/config.py (FusedMoEParallelConfig),
expert_map_manager.py (determine_expert_map) and config/parallel.py
(use_sequence_parallel_moe).
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """Tensor × pipeline × data parallel GPUs.

    Data parallel engines each have the whole of attention and a KV cache of their own;
    experts are shared out among the GPUs of all engines, by their width, or whole ones
    with expert parallelism:

        tp 2, dp 2, 8 experts        attention   experts
        engine 0   GPU 0             half        a quarter of each, or experts 0 1
                   GPU 1             half        a quarter of each, or experts 2 3
        engine 1   GPU 2             half        a quarter of each, or experts 4 5
                   GPU 3             half        a quarter of each, or experts 6 7
    """

    tp: int = 1
    pp: int = 1
    dp: int = 1
    is_expert_parallel: bool = False

    @property
    def num_expert_gpus(self) -> int:
        """GPUs that the experts of one layer are shared out to."""
        return self.tp * self.dp

    @property
    def expert_tp(self) -> int:
        """GPUs that share the width of an expert."""
        return 1 if self.is_expert_parallel else self.num_expert_gpus

    @property
    def shared_expert_tp(self) -> int:
        """GPUs that share the width of a shared expert: none of them where tokens,
        and not widths, are divided within an engine."""
        return 1 if self.is_sequence_parallel else self.tp

    @property
    def is_sequence_parallel(self) -> bool:
        """Whether experts' tokens are divided among the GPUs of an engine."""
        return self.is_expert_parallel and self.tp > 1 and self.dp > 1

    def num_local_experts(self, num_experts: int) -> int:
        """Experts on the fullest GPU; the first ones take what is left over."""
        if not self.is_expert_parallel:
            return num_experts
        return math.ceil(num_experts / self.num_expert_gpus)


ALONE = Split()
"""One GPU."""
