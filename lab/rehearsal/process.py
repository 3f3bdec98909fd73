"""One rehearsal in a process of its own.

    python -m lab.rehearsal.process DIRECTORY

In the directory are ``recording.svlr`` and ``asked.json``, a WhatIf; it writes where it
is into STAGE, and at the end FOUND, a Result, or FAILED, a sentence.
"""

import json
import sys
from pathlib import Path

from lab.recordings import limits
from lab.recordings.reader import read_recording
from lab.recordings.recording import RecordingError
from lab.rehearsal.result import run
from lab.rehearsal.settings import WhatIf, WhatIfRefused

STAGE, FOUND, FAILED = "stage.json", "found.json", "failed.txt"


def main(directory: Path) -> None:
    """Each file appears whole."""

    def put(name: str, text: str) -> None:
        part = directory / f"{name}.part"
        part.write_text(text)
        part.replace(directory / name)

    try:
        asked = json.loads((directory / "asked.json").read_text())
        path = directory / "recording.svlr"
        recording = read_recording(path, allow_cut=True, limits=limits.READ)
        result = run(
            recording,
            WhatIf.from_json(asked),
            lambda *stage: put(STAGE, json.dumps(stage)),
        )
        put(FOUND, json.dumps(result.to_json()))
    except RecordingError:
        put(FAILED, "The recording is damaged and cannot be rehearsed.")
    except WhatIfRefused as error:
        put(FAILED, str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
