"""What a learner does with recordings: record, stop, name, share, delete, upload."""

import logging
import threading
import uuid
from contextlib import suppress
from pathlib import PurePath

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from courseware.counting import count_this_minute
from courseware.learner import learner_id_of
from courseware.uploads import RECORDING, not_of
from lab import client
from lab.errors import EngineError, EngineUnavailable, LimitExceeded
from lab.models import MAX_TITLE_CHARS, KeptRecording
from lab.recordings import limits
from lab.recordings.recording import SUFFIX, RecordingError
from lab.recordings.upload import Checked, checked
from lab.shelf import access, files
from lab.shelf.pages import shelf_page

logger = logging.getLogger(__name__)

UPLOADS_A_MINUTE = 6
UNREACHED: tuple[type[Exception], ...] = (EngineError, *client.NOT_SENT)
SILENT = "This engine does not answer, so nothing is recorded. Try again in a moment."
NOT_STOPPED = "This engine does not answer, so the recording goes on: press Stop again."
NOBODY = "Please open the page first: a recording belongs to who visits it."
CHECKING = threading.Lock()
TURN_S = 20.0
BUSY = "Other files are being checked. Try again in a minute."
NO_ROOM = (
    "The server could not store this file: its storage is full or away. Nothing of it "
    "is kept; try again later."
)
NO_FILE = "Choose a recording first: a file that ends with .svlr."


@require_POST
def begin(request: HttpRequest) -> JsonResponse:
    """Record the host that the learner looks at, from now on; what is being recorded
    already goes on (the page was loaded again)."""
    learner_id = learner_id_of(request.session)
    if learner_id is None:
        return _refused(NOBODY)
    mine = KeptRecording.objects.filter(learner_id=learner_id, state="recording")
    if (under_way := mine.first()) is not None:
        return JsonResponse(_told(under_way))
    host_id = request.POST.get("engine_host_id", "")
    try:
        title = f"{timezone.now():%-d %B %Y, %H:%M} UTC"
        one = _begin(learner_id, host_id, title)
    except EngineError as error:
        return _refused(str(error))
    if trouble := _start(one):
        one.delete()
        return _refused(trouble)
    return JsonResponse(_told(one))


@require_POST
def last_minute(request: HttpRequest) -> HttpResponse:
    """Keep the last minute of the host that the learner looks at, and ask of it what
    would have been."""
    learner_id = learner_id_of(request.session)
    host_id = request.POST.get("engine_host_id", "")
    try:
        if learner_id is None:
            raise EngineUnavailable(NOBODY)
        title = f"The minute before {timezone.now():%-d %B, %H:%M:%S} UTC"
        one = _begin(learner_id, host_id, title)
    except UNREACHED as error:
        is_ours = isinstance(error, EngineError)
        return _refused(str(error) if is_ours else client.NO_BROKER)
    if trouble := _start(one, "last"):
        one.delete()
        return _refused(trouble)
    return JsonResponse({"whatif_url": reverse("lab:whatif", args=[one.recording_id])})


def _begin(learner_id: str, host_id: str, title: str) -> KeptRecording:
    """A place for what the host is to keep; raises EngineError."""
    if client.status_of(host_id) is None:
        raise EngineUnavailable(SILENT)
    return KeptRecording.begin(
        learner_id,
        recording_id=uuid.uuid4().hex,
        title=title,
        state="recording",
        engine_host_id=host_id,
    )


def _start(one: KeptRecording, action: str = "start") -> str:
    """Have the host begin; why it does not, or ""."""
    try:
        reply = client.keep(one.engine_host_id, action, one.recording_id)
    except client.NOT_SENT:
        return client.NO_BROKER
    if reply is None:
        with suppress(*client.NOT_SENT):
            client.drop_recording(one.engine_host_id, one.recording_id)
        return SILENT
    return str(reply["error"]) if reply["state"] in ("refused", "failed") else ""


@require_GET
@never_cache
def state(request: HttpRequest, recording_id: str) -> JsonResponse:
    """How far the learner's recording is."""
    return JsonResponse(_told(_own(request, recording_id)))


@require_POST
def stop(request: HttpRequest, recording_id: str) -> HttpResponse:
    """End it; the host hands it over then."""
    one = _own(request, recording_id)
    if one.state == "recording":
        try:
            reply = client.keep(one.engine_host_id, "stop", recording_id)
        except UNREACHED:
            reply = None
        if reply is None:
            return _answer(request, one, NOT_STOPPED)
    return _answer(request, one)


@require_POST
def rename(request: HttpRequest, recording_id: str) -> HttpResponse:
    """Another name; an empty one leaves it as it was."""
    one = _own(request, recording_id)
    title = _title(request.POST.get("title", ""))
    if title:
        one.title = title
        one.save(update_fields=["title"])
    return _answer(request, one)


@require_POST
def share(request: HttpRequest, recording_id: str) -> HttpResponse:
    """Give it an address that whoever has it may open, or take that back."""
    one = _own(request, recording_id)
    is_wanted = request.POST.get("shared") == "yes"
    if is_wanted != bool(one.share_key):
        one.share_key = access.new_share_key() if is_wanted else ""
        one.save(update_fields=["share_key"])
    return _answer(request, one)


@require_POST
def delete(request: HttpRequest, recording_id: str) -> HttpResponse:
    """For good."""
    one = _own(request, recording_id)
    if one.state == "recording":
        # What arrives later belongs to nobody and is dropped.
        with suppress(*UNREACHED):
            client.keep(one.engine_host_id, "stop", recording_id)
    files.delete(one)
    messages.success(request, f"“{one.title}” is deleted.")
    return redirect("lab:shelf")


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take a recording in; whatever is wrong with the file is told in a sentence."""
    learner_id = learner_id_of(request.session)
    file = request.FILES.get("file")
    if learner_id is None:
        return shelf_page(request, NOBODY)
    if file is None:
        return shelf_page(request, NO_FILE)
    name = _title(PurePath(file.name or "The file").name) or "The file"
    try:
        if fault := not_of(RECORDING, file):
            raise RecordingError(f"The file {fault}")
        if (file.size or 0) > limits.MAX_BYTES:
            raise RecordingError(
                f"{name} has {file.size:,} bytes; at most {limits.MAX_BYTES:,} are "
                "taken."
            )
        if count_this_minute("uploads", learner_id) > UPLOADS_A_MINUTE:
            raise LimitExceeded(
                f"{UPLOADS_A_MINUTE} files a minute are taken. Try again in a minute."
            )
        content = file.read()
        found = _checked_in_turn(content, name)
        one = KeptRecording.begin(
            learner_id, recording_id=uuid.uuid4().hex, title=name.removesuffix(SUFFIX)
        )
    except (RecordingError, LimitExceeded) as error:
        return shelf_page(request, str(error))
    try:
        files.keep(one, content, found)
    except OSError:
        logger.exception("a recording could not be stored")
        with suppress(OSError):
            files.delete(one)
        return shelf_page(request, NO_ROOM)
    messages.success(request, f"“{one.title}” is here.")
    return redirect("lab:shelf")


def _checked_in_turn(content: bytes, name: str) -> Checked:
    """One at a time in this process: a file may take seconds of a core."""
    if not CHECKING.acquire(timeout=TURN_S):
        raise LimitExceeded(BUSY)
    try:
        return checked(content, name)
    finally:
        CHECKING.release()


def _own(request: HttpRequest, recording_id: str) -> KeptRecording:
    one = access.own_of(recording_id, learner_id_of(request.session))
    if one is None:
        raise Http404("This recording is not yours, or is no longer kept.")
    return one


def _title(text: str) -> str:
    return " ".join(text.split())[:MAX_TITLE_CHARS]


def _answer(request: HttpRequest, one: KeptRecording, fault: str = "") -> HttpResponse:
    """JSON for the page's script, the list for a form."""
    if request.headers.get("Accept", "").startswith("application/json"):
        return _refused(fault) if fault else JsonResponse(_told(one))
    if fault:
        messages.error(request, fault)
    return redirect(f"{reverse('lab:shelf')}#recording-{one.recording_id}")


def _refused(sentence: str) -> JsonResponse:
    return JsonResponse({"sentence": sentence}, status=409)


def _told(one: KeptRecording) -> dict[str, object]:
    def address(name: str) -> str:
        return reverse(f"lab:{name}", args=[one.recording_id])

    return {
        "recording_id": one.recording_id,
        "title": one.title,
        "state": one.state,
        "sentence": one.sentence,
        "duration_s": one.duration_s,
        "elapsed_s": (timezone.now() - one.created_at).total_seconds(),
        "most_s": limits.MAX_S,
        "state_url": address("recording_state"),
        "stop_url": address("recording_stop"),
        "rename_url": address("recording_rename"),
        "delete_url": address("recording_delete"),
        "replay_url": address("replay"),
    }
