"""Runs the model in the engine process itself, also on the CPU.

vLLM refuses its own UniProcExecutor there, since OpenMP reads its variables once, when
a process begins. A forked process begins anew in this: Intel's OpenMP reads them again.
It saves a third process that imports vLLM, and a hop through shared memory each step.
"""

import os

from vllm.utils.ompmultiprocessing import OMPProcessManager
from vllm.v1.executor import UniProcExecutor


class InProcessExecutor(UniProcExecutor):
    """UniProcExecutor with the threads and their cores as vLLM's worker has them."""

    def _init_executor(self) -> None:
        manager = OMPProcessManager(self.vllm_config)
        cores = os.sched_getaffinity(0)
        with manager.configure_omp_envs(rank=0, local_rank=0):
            super()._init_executor()
        # OpenMP has bound this thread to one core. Those that it starts from now on
        # (the engine's messages) would share that core with it, so it is let go.
        os.sched_setaffinity(0, cores)
