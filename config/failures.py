"""What is said where a page could not be answered for a fault of the installation.

A database that is away, read-only, or on a disk that is full is no fault of the code:
503, since all goes on when it is mended. Whatever else is raised is Django's 500.
"""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

RETRY_S = 30


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500; called while the exception is handled."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError | InterfaceError):
        return server_error(request)
    response = HttpResponse(render_to_string("503.html"), status=503)
    response.headers["Retry-After"] = str(RETRY_S)
    return response
