"""Who may see which recording. A reference names one in an address:

shipped, or made by manage.py record   its id: everybody
a learner's own                        its id: nobody else
shared by its owner                    the share key: whoever has the address
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.models import KeptRecording
from lab.recordings import library
from lab.shelf import files

SHARE_PREFIX = "shared-"
KEPT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Found:
    """A recording that this learner may see."""

    reference: str
    title: str
    header: Mapping[str, Any]
    duration_s: float
    num_bytes: int
    kept: KeptRecording | None = None
    """None: one that everybody sees."""
    is_own: bool = False

    def frames(self) -> bytes:
        """The frames file; raises RecordingError and OSError."""
        if self.kept is not None:
            return files.frames_of(self.kept)
        return library.frames(self.reference) or b""

    def file(self) -> bytes:
        """The recording's own file; raises OSError."""
        if self.kept is not None:
            return files.file_of(self.kept)
        return library.file(self.reference) or b""


def find(reference: str, learner_id: str | None) -> Found | None:
    """The recording of this reference; None where there is none, or where it is
    somebody else's: not told apart."""
    if reference.startswith(SHARE_PREFIX):
        shared = KeptRecording.objects.filter(share_key=reference, state="kept").first()
        return None if shared is None else _found(shared, learner_id, reference)
    if KEPT_ID.fullmatch(reference):
        own = own_of(reference, learner_id)
        return None if own is None or own.state != "kept" else _found(own, learner_id)
    return next((one for one in for_all() if one.reference == reference), None)


def own_of(recording_id: str, learner_id: str | None) -> KeptRecording | None:
    """A learner's own recording in any state."""
    return KeptRecording.objects.filter(
        recording_id=recording_id, learner_id=learner_id or ""
    ).first()


def own(learner_id: str | None) -> list[Found]:
    """A learner's recordings that can be played, newest first."""
    kept = KeptRecording.objects.filter(learner_id=learner_id or "", state="kept")
    return [_found(one, learner_id) for one in kept]


def for_all() -> list[Found]:
    """Those that everybody sees, the one with most to see first."""
    return [
        Found(
            reference=one.recording_id,
            title=library.title(one),
            header=asdict(one.header),
            duration_s=one.duration_s,
            num_bytes=one.num_bytes,
        )
        for one in sorted(library.recordings(), key=library.place)
    ]


def new_share_key() -> str:
    """Unguessable: 128 random bits."""
    return SHARE_PREFIX + secrets.token_hex(16)


def _found(one: KeptRecording, learner_id: str | None, reference: str = "") -> Found:
    return Found(
        reference=reference or one.recording_id,
        title=one.title,
        header=one.header,
        duration_s=one.duration_s,
        num_bytes=one.num_bytes,
        kept=one,
        is_own=one.learner_id == learner_id,
    )
