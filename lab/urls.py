"""The lab's addresses: recordings for the viewer."""

from django.urls import path

from lab import views

app_name = "lab"
urlpatterns = [
    path("recordings/", views.recordings, name="recordings"),
    path("recordings/<slug:recording_id>/", views.recording, name="recording"),
]
