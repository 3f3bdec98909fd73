"""The lab's addresses: its page, results of experiments, recordings."""

from django.urls import path

from lab import views
from lab.experiments import class_run, elsewhere, pages, staff
from lab.shelf import actions
from lab.shelf import pages as shelf
from lab.whatif import pages as whatif

app_name = "lab"
OWN = "recordings/<slug:recording_id>"
urlpatterns = [
    path("", pages.lab, name="lab"),
    path("staff/engines/", elsewhere.engines, name="engines"),
    path("staff/engines/name/", elsewhere.name, name="name_engine"),
    path("staff/pause/", staff.pause, name="pause"),
    path("staff/stop/", staff.stop_all, name="stop_all"),
    path("staff/clear/", staff.clear_queue, name="clear_queue"),
    path("staff/reset/", staff.reset_cache, name="reset_cache"),
    path("staff/restart/", staff.restart, name="restart"),
    path("class/", class_run.class_run, name="class_run"),
    path("class/predict/", class_run.predict, name="class_predict"),
    path("runs/<slug:run_id>/", pages.run, name="run"),
    path("recordings/", shelf.shelf, name="shelf"),
    path("recordings/menu/", views.recordings, name="recordings"),
    path("recordings/begin/", actions.begin, name="recording_begin"),
    path("recordings/minute/", actions.last_minute, name="last_minute"),
    path("recordings/upload/", actions.upload, name="recording_upload"),
    path(f"{OWN}/state/", actions.state, name="recording_state"),
    path(f"{OWN}/stop/", actions.stop, name="recording_stop"),
    path(f"{OWN}/rename/", actions.rename, name="recording_rename"),
    path(f"{OWN}/share/", actions.share, name="recording_share"),
    path(f"{OWN}/delete/", actions.delete, name="recording_delete"),
    path("recordings/<slug:reference>/", shelf.frames, name="recording"),
    path("recordings/<slug:reference>/file/", shelf.file, name="recording_file"),
    path("recordings/<slug:reference>/trace/", shelf.trace, name="recording_trace"),
    path("recordings/<slug:reference>/steps/", shelf.timeline, name="timeline"),
    path("recordings/<slug:reference>/reasons/", views.reasons, name="reasons"),
    path("replay/<slug:reference>/", shelf.replay, name="replay"),
    path("whatif/<slug:reference>/", whatif.whatif, name="whatif"),
    path("whatif/<slug:reference>/begin/", whatif.begin, name="whatif_begin"),
    path("whatif/<slug:reference>/how/", whatif.standing, name="whatif_standing"),
]
