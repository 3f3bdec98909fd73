"""Logs of all processes: one JSON object a line, with one id from browser to engine.

A page or form has the id of its HTTP request (header X-Log-Id, taken over from the
browser or made here). A generation keeps the id that ``client.submit`` was given, or
its request id: the browser knows it, the web process logs it, and the engine host
binds it again from the Celery message.
"""

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from celery.signals import setup_logging, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponseBase

from courseware.sockets import address_of_request

LOG_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
SECRET_PARTS = ("uidb64", "token")
"""Of a path: whoever reads them can set a password."""
REFUSALS = (400, 401, 403, 405, 413, 415, 429)
DOORS = ("/account/sign-in/", "/admin/login/")
QUIET_PATHS = ("/healthz", "/readyz", "/static/")
_began: dict[str, float] = {}
"""time.monotonic() at which each running task began, by task id."""


def leave_out_arguments(
    _logger: Any, _method: str, event: dict[str, Any]
) -> dict[str, Any]:
    """Celery adds a task's arguments as ``data``: questions and answers of learners."""
    if str(event.get("logger", "")).startswith("celery"):
        event.pop("data", None)
    return event


def shorten_refusals(
    _logger: Any, _method: str, event: dict[str, Any]
) -> dict[str, Any]:
    """Django logs what it refuses with a traceback: kilobytes a request, of anybody's
    choice. The sentence says it all."""
    is_refusal = event.get("level") in ("info", "warning")
    if is_refusal and str(event.get("logger", "")).startswith("django."):
        event.pop("exc_info", None)
    return event


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    leave_out_arguments,
    shorten_refusals,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def logging_configuration(level: str) -> dict[str, Any]:
    """Django's LOGGING; structlog and the standard library end in the same lines."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "handlers": {
            "lines": {"class": "logging.StreamHandler", "formatter": "json"},
        },
        "root": {"handlers": ["lines"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # Whatever else is left out: who signs in, and what is refused.
            "servelab.security": {"level": "INFO"},
            # _log_task says the same, under the request's id.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }


class RequestLogMiddleware:
    """Binds the log id of an HTTP request, logs the request, answers with the id."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Both worlds, so that a stack of asynchronous views stays one."""
        log_id = bind_log_id(request.headers.get("X-Log-Id", ""))
        began = time.monotonic()
        if self._is_async:
            return self._answer_async(request, log_id, began)
        return self._finish(request, self._get_response(request), log_id, began)

    async def _answer_async(
        self, request: HttpRequest, log_id: str, began: float
    ) -> HttpResponseBase:
        response = await self._get_response(request)
        return self._finish(request, response, log_id, began)

    def _finish(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        log_id: str,
        began: float,
    ) -> HttpResponseBase:
        response.headers["X-Log-Id"] = log_id
        is_refused = _is_refused(request, response)
        if is_refused or not request.path.startswith(QUIET_PATHS):
            structlog.get_logger("servelab.web").log(
                logging.WARNING if is_refused else logging.INFO,
                "request",
                method=request.method,
                path=_path_without_secrets(request),
                status=response.status_code,
                ms=round(1000 * (time.monotonic() - began), 1),
                **(_who(request) if response.status_code >= 400 or is_refused else {}),
            )
        return response


def _is_refused(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether it was not allowed, too much, or nothing that a page of ours sends. What
    is another's is 404, of an address that there is; who is signed in and is led to
    sign in as somebody else is refused too."""
    status = response.status_code
    if status == 404:
        return request.resolver_match is not None
    if status == 302:
        leads_to = response.headers.get("Location", "")
        has_account = getattr(request, "account", None) is not None
        return has_account and leads_to.startswith(DOORS) and "next=" in leads_to
    return status in REFUSALS


def _who(request: HttpRequest) -> dict[str, Any]:
    """Whom to look for, where something was refused: the account's number, if there is
    one, and the network address."""
    account = getattr(request, "account", None)
    who = {"account": account} if account is not None else {}
    return {**who, "address": address_of_request(request)}


def _path_without_secrets(request: HttpRequest) -> str:
    """The path; what sets a new password is left out of it."""
    path = request.path
    match = request.resolver_match
    given = match.kwargs if match else {}
    for name in SECRET_PARTS:
        if value := str(given.get(name, "")):
            path = path.replace(f"/{value}/", "/…/")
    return path


def bind_log_id(offered: str) -> str:
    """Bind ``offered`` where it looks like an id, else a new one; returns it."""
    log_id = offered if LOG_ID.fullmatch(offered) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(log_id=log_id)
    return log_id


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Celery leaves logging alone when somebody listens here: Django sets it up."""


@task_prerun.connect
def _bind_task(task_id: str, kwargs: dict[str, Any], **rest: Any) -> None:
    payload = kwargs.get("payload") or kwargs.get("report") or {}
    structlog.contextvars.bind_contextvars(
        task_id=task_id,
        log_id=payload.get("log_id") or payload.get("request_id") or task_id,
    )
    _began[task_id] = time.monotonic()


@task_postrun.connect
def _log_task(task_id: str, task: Any, state: str | None, **rest: Any) -> None:
    now = time.monotonic()
    structlog.get_logger("servelab.task").info(
        "task",
        task=task.name,
        state=state,
        # A task may run twice at once when the broker delivers its message again.
        ms=round(1000 * (now - _began.pop(task_id, now)), 1),
    )
    structlog.contextvars.clear_contextvars()
