"""Stands for lab.engine.plain_transformers where there is no model: answers at once.

    python -m tests.lab.replay_transformers ASKED.json ANSWER.json

A question of no chats is never answered; one of dtype "none" breaks.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """One second a prompt alone, half a second in batches."""
    number = len(asked["chats"])
    texts = [f"answer {at}" for at in range(number)]
    return {
        "load_s": 1.0,
        "one_by_one": {"seconds": 1.0 * number, "num_steps": 9, "texts": texts},
        "batched": {"seconds": 0.5 * number, "num_steps": 9, "texts": texts},
        "num_prompt_tokens": [10] * number,
        "version": "0",
    }


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    if not asked["chats"]:
        time.sleep(300)
    if asked["dtype"] == "none":
        sys.exit("There is no such type.")
    Path(sys.argv[2]).write_text(json.dumps(answer(asked)))
