"""The quizzes' sockets."""

from django.urls import re_path

from quizzes.consumers import MeasuringConsumer

websocket_urlpatterns = [
    re_path(r"^ws/quiz/(?P<request_id>[0-9a-f]{32})/$", MeasuringConsumer.as_asgi()),
]
