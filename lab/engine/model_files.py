"""Makes the files of the model that the settings name, where they have to be made.

    python -m lab.engine.model_files      # into DATA_DIR/models/

The bundled model is converted and the course's voice merged into it, a shape with
random weights is written, a model of the hub is downloaded; any other model brings its
files.
"""

import sys
import time
from pathlib import Path

from lab.checkpoints import bundled, course_voice, hub, random_weights
from lab.engine.config import EngineConfig, bundled_model_dir, course_model_dir
from lab.errors import EngineUnavailable, SettingError


def are_ready(config: EngineConfig) -> bool:
    """Whether the engine can start with what is there."""
    if config.shape:
        return random_weights.is_written(Path(config.model), config.shape)
    if config.is_hub_model:
        return hub.is_downloaded(config.model)
    path = Path(config.model)
    if path == course_model_dir(config.data_dir):
        return course_voice.is_made(path)
    return path != bundled_model_dir(config.data_dir) or bundled.is_converted(path)


def make(config: EngineConfig) -> None:
    """Make what is missing; raises EngineUnavailable."""
    if are_ready(config):
        return
    if config.is_hub_model:
        hub.download(config.model, lambda line: print(line, flush=True))
        return
    directory = bundled_model_dir(config.data_dir)
    if not bundled.is_converted(directory):
        bundled.convert(directory)
    if config.shape:
        random_weights.write_shape(Path(config.model), config.shape, directory)
    elif Path(config.model) != directory:
        course_voice.make(Path(config.model), directory)


def main() -> int:
    """0 when the files are there, else 1 and a sentence on the error output."""
    began = time.monotonic()
    try:
        make(EngineConfig.from_env())
    except (EngineUnavailable, SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The model's files are there, after {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
