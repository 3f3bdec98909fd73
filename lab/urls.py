"""The lab's pages: recordings for the viewer, and what plans capacity."""

from django.urls import include, path

from lab import views

app_name = "lab"
urlpatterns = [
    path("recordings/", views.recordings, name="recordings"),
    path("", include("lab.calculator.urls")),
    path("", include("lab.challenge.urls")),
    path("recordings/<slug:recording_id>/", views.recording, name="recording"),
]
