"""Where learners' recordings lie, by the environment."""

from pathlib import Path

from config.storages import IN_A_DIRECTORY, recordings_storage
from lab.engine.environment import Environment

HERE = Path("/data/kept-recordings")


def test_in_a_directory_unless_the_environment_names_another_storage() -> None:
    assert recordings_storage(Environment({}), HERE) == {
        "BACKEND": IN_A_DIRECTORY,
        "OPTIONS": {"location": str(HERE)},
    }
    named = {
        "RECORDINGS_STORAGE": "storages.backends.s3.S3Storage",
        "RECORDINGS_STORAGE_OPTIONS": '{"bucket_name": "servelab"}',
    }
    assert recordings_storage(Environment(named), HERE) == {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": "servelab"},
    }
