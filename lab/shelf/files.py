"""Files of learners' recordings, in the storage "recordings" of Django's STORAGES.

    <recording_id>.svlr      what the engine host recorded, or its owner uploaded
    <recording_id>.frames    the same as the browser plays it

The web processes and the default worker share the storage; engine hosts do not know it.
"""

from contextlib import suppress
from dataclasses import asdict

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from lab.models import KeptRecording
from lab.recordings.recording import SUFFIX, RecordingError
from lab.recordings.upload import Checked, checked

FRAMES_SUFFIX = ".frames"
CUT = "It broke off before its end: this is as far as it came."


def arrived(recording_id: str, file: bytes, sentence: str) -> None:
    """What an engine host recorded, and why it ended by itself or there is nothing. A
    message that comes again changes nothing, and of a recording that was deleted
    meanwhile nothing is kept."""
    one = KeptRecording.awaited(recording_id)
    if one is None:
        return
    if not file:
        one.state, one.sentence = "failed", sentence
        one.save(update_fields=["state", "sentence"])
        return
    try:
        keep(one, file, checked(file, "The recording"), sentence)
    except RecordingError as error:
        one.state, one.sentence = "failed", str(error)
        one.save(update_fields=["state", "sentence"])


def keep(one: KeptRecording, file: bytes, found: Checked, sentence: str = "") -> None:
    """Store the file and its frames, and what the row says of them."""
    _put(one.recording_id + SUFFIX, file)
    _put(one.recording_id + FRAMES_SUFFIX, found.frames)
    one.state = "kept"
    one.sentence = CUT if found.recording.is_cut else sentence
    one.header = asdict(found.recording.header)
    one.duration_s = round(found.recording.duration_s, 3)
    one.num_bytes = len(file)
    one.save(update_fields=["state", "sentence", "header", "duration_s", "num_bytes"])


def file_of(one: KeptRecording) -> bytes:
    """The recording; raises OSError where the storage has lost it."""
    return _get(one.recording_id + SUFFIX)


def frames_of(one: KeptRecording) -> bytes:
    """Its frames file; raises OSError where the storage has lost it."""
    return _get(one.recording_id + FRAMES_SUFFIX)


def delete(one: KeptRecording) -> None:
    """The row and what lies in the storage."""
    recording_id = one.recording_id
    one.delete()
    for suffix in (SUFFIX, FRAMES_SUFFIX):
        with suppress(FileNotFoundError):
            _storage().delete(recording_id + suffix)


def _storage() -> Storage:
    return storages["recordings"]


def _put(name: str, content: bytes) -> None:
    """In the place of what has that name."""
    storage = _storage()
    if storage.exists(name):
        storage.delete(name)
    storage.save(name, ContentFile(content))


def _get(name: str) -> bytes:
    with _storage().open(name) as file:
        content: bytes = file.read()
    return content
