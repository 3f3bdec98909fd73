"""An engine that somebody owns, without vLLM: recorded traces into a tap of its own.

    python -m tests.lab.attached.replay_own DIRECTORY

Plays tests/data/real.steptraces over and over until it is killed.
"""

import sys
import time
from pathlib import Path

from lab.tracing.own_tap import FORMAT, OwnTap
from lab.tracing.trace import TraceKind, decode
from tests.data.make_golden import source

STEP_S = 0.003


def main() -> None:
    records, num_blocks, block_size = source()
    facts = {
        "format": FORMAT,
        "versions": {"vllm": "0.32.0"},
        "model": "somebodys-model",
        "device": "CPU engine",
        "num_blocks": num_blocks,
        "block_size": block_size,
        "max_model_len": 2048,
        "max_num_seqs": 16,
        "max_num_batched_tokens": 512,
    }
    tap = OwnTap(Path(sys.argv[1]), facts)
    kinds = [decode(record).header.kind for record in records]
    while True:
        for record, kind in zip(records, kinds, strict=True):
            if kind is TraceKind.SNAPSHOT:
                tap.mark_snapshot_served()
            tap.write(record)
            time.sleep(STEP_S)


if __name__ == "__main__":
    main()
