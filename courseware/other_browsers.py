"""The other browsers that are signed in to an account."""

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse

from courseware.door import close_sockets_of_learner
from courseware.learner import learner_id_of
from courseware.models import Learner, User


def sign_out_others(request: HttpRequest) -> None:
    """Ends their sessions and sockets; the session of this one stays."""
    user: Any = request.user
    end_sessions(user)
    update_session_auth_hash(request, user)


def end_sessions(user: User) -> None:
    """Ends every session of an account, and its sockets; pages that are still theirs
    open new ones."""
    user.session_round += 1
    user.save(update_fields=["session_round"])
    if learner := Learner.objects.filter(user=user).first():
        close_sockets_of_learner(learner.learner_id)


def clears_browser(response: HttpResponse) -> HttpResponse:
    """Has a browser empty what pages have stored in it (over TLS, or on this machine);
    static/js/courseware/leaving.js does so for the tab that a form is sent from."""
    response["Clear-Site-Data"] = '"storage"'
    return response


def close_sockets(request: HttpRequest) -> None:
    """All of the learner who asks; pages that are still theirs open new ones."""
    if learner_id := learner_id_of(request.session):
        close_sockets_of_learner(learner_id)
