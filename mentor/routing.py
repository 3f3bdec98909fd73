"""The mentor's socket."""

from django.urls import path

from mentor.consumers import MentorConsumer

websocket_urlpatterns = [path("ws/mentor/", MentorConsumer.as_asgi())]
