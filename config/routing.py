"""Every WebSocket: each app brings its own paths."""

from lab.routing import websocket_urlpatterns as lab_sockets
from mentor.routing import websocket_urlpatterns as mentor_sockets
from quizzes.routing import websocket_urlpatterns as quiz_sockets

websocket_urlpatterns = [*lab_sockets, *mentor_sockets, *quiz_sockets]
