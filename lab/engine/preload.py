"""What an engine process of the CPU imports, imported once before there is one.

Python's fork server imports this module while the host imports vLLM itself, on another
core; the engine process is then forked from it (lab.engine.forking). What cannot be
imported is left to the engine process, which says why.
"""

import contextlib
import gc
import importlib

MODULES = (
    "vllm.v1.engine.core",
    "lab.engine.in_process_executor",
    "lab.engine.phased_worker",
    "lab.tracing.scheduler",
    "vllm.v1.attention.backends.cpu_attn",
    "vllm.model_executor.model_loader",
    "vllm.model_executor.models.llama",
)

for name in MODULES:
    with contextlib.suppress(Exception):
        importlib.import_module(name)
gc.collect()
gc.freeze()  # pages that no collection writes to stay shared with the forked process
