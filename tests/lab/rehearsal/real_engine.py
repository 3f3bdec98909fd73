"""A real engine in a process of its own, stepped by hand: requests come before given
steps, with forced tokens, and what its scheduler tells is written as a recording.

    echo '["ASKED.json", "OUT.svlr"]' | python -m tests.lab.rehearsal.real_engine
"""

import atexit
import json
import os
import random
import subprocess
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

STEPS = 170
MAX_MODEL_LEN = 256
BASE = {
    "num_gpu_blocks_override": 20,
    "block_size": 32,
    "max_num_seqs": 8,
    "max_num_batched_tokens": 128,
    "enable_prefix_caching": True,
}
VOCABULARY = 1_024
MODEL = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 64,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": MAX_MODEL_LEN,
    "torch_dtype": "float32",
}
"""So small that a step takes milliseconds; its weights are random."""
ROOT = Path(__file__).resolve().parents[3]


def record(path: Path, **changed: Any) -> Path:
    """Run one with these settings of AsyncEngineArgs."""
    asked = path.with_suffix(".json")
    asked.write_text(json.dumps(BASE | changed))
    process = _process()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps([str(asked), str(path)]) + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "0\n", "what it says of it is on stderr"
    return path


@cache
def _process() -> "subprocess.Popen[str]":
    """It imports vLLM once, and makes each recording in a child of its own."""
    environment = {
        **os.environ,
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", __spec__.name],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.kill)
    return process


def coming() -> list[tuple[int, list[int], int]]:
    """Before which step, prompt, tokens of the answer: some begin alike."""
    draw = random.Random(5)
    shared = [draw.randrange(300, VOCABULARY) for _ in range(96)]
    requests = []
    for step in range(0, STEPS - 40, 5):
        tail = [draw.randrange(300, VOCABULARY) for _ in range(draw.randrange(5, 60))]
        prompt = shared[: draw.choice((0, 50, 96))] + tail
        requests.append((step, prompt, draw.randrange(20, 90)))
    # Until the end there is always something to do: a step is a step.
    return [(0, [7] * 20, STEPS), *requests]


def main(asked: Path, out: Path) -> None:
    from vllm import SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    from lab.tracing.tap import TapReader

    model = out.with_suffix(".model")
    model.mkdir()
    (model / "config.json").write_text(json.dumps(MODEL))
    tap = TapReader(out.with_suffix(".tap"))
    engine = LLMEngine.from_engine_args(
        EngineArgs(
            model=str(model),
            load_format="dummy",
            dtype="float32",
            skip_tokenizer_init=True,
            max_model_len=MAX_MODEL_LEN,
            enforce_eager=True,
            kv_cache_memory_bytes=16 << 20,
            scheduler_cls="lab.tracing.scheduler.TracingScheduler",
            additional_config={"tap_path": str(out.with_suffix(".tap"))},
            **json.loads(asked.read_text()),
        )
    )
    for step in range(STEPS):
        for number, (before, prompt, length) in enumerate(coming()):
            if before == step:
                forced = 200 + number
                sampling = SamplingParams(
                    max_tokens=length,
                    ignore_eos=True,
                    allowed_token_ids=[forced],
                    detokenize=False,
                )
                one = {"prompt_token_ids": prompt}
                engine.add_request(str(number + 1), one, sampling)
        engine.step()
    write(tap.read(), out)
    tap.close()


def write(records: list[bytes], out: Path) -> None:
    from lab.recordings.recording import RecordingWriter
    from lab.tracing.replay_notes import decode_note, is_replay_note
    from tests.lab.rehearsal.made_recordings import header_of, recording_of

    settings = next(
        note.settings
        for note in map(decode_note, filter(is_replay_note, records))
        if note.settings is not None
    )
    recording = recording_of(records, settings, skips_first=False)
    writer = RecordingWriter(out, header_of(settings))
    for note in recording.notes:
        writer.add_note(note)
    for trace in recording.records:
        writer.add_trace(trace)
    writer.close()


def serve() -> None:
    """For each line of stdin, settings and recording, the exit code of main()."""
    import vllm.v1.engine.llm_engine  # noqa: F401  before the forks

    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked, out = map(Path, json.loads(line))
        if (child := os.fork()) == 0:
            try:
                main(asked, out)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, file=replies, flush=True)


if __name__ == "__main__":
    serve()
