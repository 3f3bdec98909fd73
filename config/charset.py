"""Only UTF-8 is read, and that is decided before Django makes a request of it.

Django decodes forms, and the query of any address, in the charset that Content-Type
names, if Python has a codec of that name. ``hex`` and ``undefined`` are such, no text
comes out of them, and the error is raised where nothing of Django's answers it.
Browsers send UTF-8 and name nothing.
"""

import codecs

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    Scope,
)
from django.utils.http import parse_header_parameters

from config.body_limit import EVENT, refuse
from courseware.security_log import note_refusal

SENTENCE = "What is sent here is read as UTF-8, and in no other charset."
READ = ("utf-8", "ascii")
"""As Python names them."""


class OnlyUtf8:
    """ASGI middleware: 415 for what says that it is anything else."""

    def __init__(self, application: ASGI3Application) -> None:
        self.application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Refuse, or hand on."""
        if scope["type"] == "http" and not is_utf8(scope):
            note_refusal(EVENT, scope, status=415)
            await refuse(send, 415, SENTENCE)
        else:
            await self.application(scope, receive, send)


def is_utf8(scope: Scope) -> bool:
    """Whether the body names UTF-8, no charset, or none that Python knows, which
    Django takes no notice of."""
    given = (
        value
        for name, value in scope["headers"]  # type: ignore[typeddict-item]
        if name == b"content-type" and b";" in value
    )
    return all(_charset(value.decode("latin-1")) in READ for value in given)


def _charset(content_type: str) -> str:
    """As Python names it; "" for a header that Django cannot read."""
    try:
        _, parameters = parse_header_parameters(content_type)
    except (LookupError, ValueError):  # such as x*=undefined''%ff
        return ""
    try:
        return codecs.lookup(parameters.get("charset", READ[0])).name
    except LookupError:
        return READ[0]
    except ValueError:  # a NUL
        return ""
