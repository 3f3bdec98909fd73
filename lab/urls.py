"""The lab's addresses: its page, results of experiments, recordings for the viewer."""

from django.urls import path

from lab import views
from lab.experiments import class_run, pages, staff

app_name = "lab"
urlpatterns = [
    path("", pages.lab, name="lab"),
    path("staff/pause/", staff.pause, name="pause"),
    path("staff/stop/", staff.stop_all, name="stop_all"),
    path("staff/clear/", staff.clear_queue, name="clear_queue"),
    path("staff/reset/", staff.reset_cache, name="reset_cache"),
    path("staff/restart/", staff.restart, name="restart"),
    path("class/", class_run.class_run, name="class_run"),
    path("class/predict/", class_run.predict, name="class_predict"),
    path("runs/<slug:run_id>/", pages.run, name="run"),
    path("recordings/", views.recordings, name="recordings"),
    path("recordings/<slug:recording_id>/", views.recording, name="recording"),
]
