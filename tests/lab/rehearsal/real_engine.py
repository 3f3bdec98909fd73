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


Coming = list[tuple[int, list[int], int]]
"""Before which step, prompt, tokens of the answer."""


def record(path: Path, traffic: str = "mixed", **changed: Any) -> Path:
    """Run one with these settings of AsyncEngineArgs, and traffic out of TRAFFIC."""
    asked = path.with_suffix(".json")
    asked.write_text(json.dumps({"traffic": traffic, "engine": BASE | changed}))
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


def mixed() -> Coming:
    """Some begin alike, and the answers grow until they preempt each other."""
    draw = random.Random(5)
    shared = _words(draw, 96)
    requests: Coming = []
    for step in range(0, STEPS - 40, 5):
        tail = _words(draw, draw.randrange(5, 60))
        prompt = shared[: draw.choice((0, 50, 96))] + tail
        requests.append((step, prompt, draw.randrange(20, 90)))
    # Until the end there is always something to do: a step is a step.
    return [(0, [7] * 20, STEPS), *requests]


def overflow() -> Coming:
    """The same prompts in turn, one by one, together more than the pool holds."""
    draw = random.Random(6)
    prompts = [_words(draw, draw.randrange(100, 200)) for _ in range(6)]
    return [(step, prompts[step // 4 % 6], 2) for step in range(0, STEPS - 8, 4)]


def sharing() -> Coming:
    """Crowds of short answers behind three long beginnings, which take turns."""
    draw = random.Random(7)
    roots = [_words(draw, 160) for _ in range(3)]
    requests: Coming = []
    for step in range(0, STEPS - 20, 3):
        root = roots[step // 30 % 3][: draw.choice((64, 130, 160))]
        requests.append((step, root + _words(draw, draw.randrange(1, 50)), 6))
    return requests


def crowds() -> Coming:
    """Three at once behind one of five long beginnings, which take turns."""
    draw = random.Random(8)
    roots = [_words(draw, 130) for _ in range(5)]
    requests: Coming = []
    for step in range(0, STEPS - 20, 10):
        root = roots[step // 10 % 5]
        requests += [(step, root + _words(draw, 9 + 20 * n), 4) for n in range(3)]
    return requests


def _words(draw: random.Random, number: int) -> list[int]:
    return [draw.randrange(300, VOCABULARY) for _ in range(number)]


TRAFFIC = {
    "mixed": mixed, "overflow": overflow, "sharing": sharing, "crowds": crowds,
}  # fmt: skip


def forced(number: int) -> int:
    """The one token that answers of the request at this place are made of."""
    return 200 + number


def texts(traffic: str) -> dict[int, list[int]]:
    """By short id the tokens of prompt and answer."""
    return {
        number + 1: prompt + [forced(number)] * length
        for number, (_, prompt, length) in enumerate(TRAFFIC[traffic]())
    }


def told_live(recording: Path) -> dict[str, Any]:
    """What was known when the run was at its end: of its requests, as the engine told
    its client, the tokens of prompts and those from the cache; and what they were
    computed again, by a ledger that followed step by step."""
    told: dict[str, Any] = json.loads(recording.with_suffix(".live").read_text())
    return told


def main(asked: Path, out: Path) -> None:
    from vllm import SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    from lab.tracing.tap import TapReader
    from tests.lab.rehearsal.live_bill import LiveBill

    settings = json.loads(asked.read_text())
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
            **settings["engine"],
        )
    )
    requests = TRAFFIC[settings["traffic"]]()
    records: list[bytes] = []
    live = LiveBill(settings["engine"])
    for step in range(STEPS):
        for number, (before, prompt, length) in enumerate(requests):
            if before == step:
                sampling = SamplingParams(
                    max_tokens=length,
                    ignore_eos=True,
                    allowed_token_ids=[forced(number)],
                    detokenize=False,
                )
                one = {"prompt_token_ids": prompt}
                engine.add_request(str(number + 1), one, sampling)
        live.served(engine.step())
        records += live.follow(tap.read())
    write(records, out)
    out.with_suffix(".live").write_text(json.dumps(live.told()))
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
