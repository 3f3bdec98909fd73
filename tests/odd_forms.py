"""Every form of the site, filled in as a page sends it, and who sends it."""

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import resolve
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_otp.plugins.otp_totp.models import TOTPDevice

from courseware import factors
from courseware.learner import learner_id_of
from courseware.models import User
from courseware.sign_up import SALT
from lab.experiments import class_run
from lab.models import ExperimentRun, KeptRecording
from lab.recordings.upload import checked
from lab.shelf import files
from mentor.models import Conversation
from tests.lab.fake_engine import HOST
from tests.quizzes.conftest import BROWSER

BACKEND = "django.contrib.auth.backends.ModelBackend"
PASSWORDS = {"new_password1": "a-long-sentence-1", "new_password2": "a-long-sentence-1"}
CHOSEN = {"password1": "a-b-c-d-e-f-1", "password2": "a-b-c-d-e-f-1"}
SIGN_UP = {"email": "bob@example.org", **CHOSEN}
SIGN_IN = {"username": "ann@example.org", "password": "x", "next": "/"}
PLAN = {"pattern": "poisson", "rate_per_s": "1", "mode": "serverless", "shape": "chat"}
WHAT_IF = {
    **{"num_blocks": "120", "block_size": "4", "max_num_seqs": "8"},
    **{"max_num_batched_tokens": "64", "has_prefix_caching": "yes"},
}
POSTS: dict[str, dict[str, Any]] = {
    "/account/sign-up/": SIGN_UP,
    "/account/sign-in/": SIGN_IN,
    "/account/sign-in/code/": {"code": "123456"},
    "/account/second-factor/begin/": {"password": "pw"},
    "/account/second-factor/confirm/": {"code": "123456"},
    "/account/second-factor/remove/": {"password": "pw", "code": "abcd-efgh"},
    "/account/sign-out/": {},
    "/account/sign-out/everywhere/": {},
    "/account/sign-up/{letter}/": SIGN_UP,
    "/account/password/": {"old_password": "pw", **PASSWORDS},
    "/account/reset/": {"email": "ann@example.org"},
    "/account/reset/{reset}/": PASSWORDS,
    "/chapters/deploying-ai-models/read/": {"anchor": "hardware"},
    "/privacy/forget/": {"password": "pw"},
    "/quiz/names/": {"agree": "yes", "name": "Ann"},
    "/quiz/deploying-ai-models/start/": {},
    "{attempt}1/answer/": {"try": "1", "certainty": "2", "choice": "a", "value": "4"},
    "{attempt}2/answer/": {"try": "1", "certainty": "1", "text": "x", "place-1": "1"},
    "{attempt}1/hint/": {"try": "1"},
    "{attempt}1/retry/": {"try": "1"},
    "{attempt}finish/": {},
    "{conversation}rename/": {"title": "Blocks"},
    "{conversation}delete/": {},
    "/lab/class/predict/": {"run": "{run}", "prediction": "77"},
    "/lab/recordings/begin/": {"engine_host_id": HOST},
    "/lab/recordings/minute/": {"engine_host_id": HOST},
    "/lab/recordings/upload/": {"file": "mine.svlr"},
    "/lab/recordings/{recording}/stop/": {},
    "/lab/recordings/{recording}/rename/": {"title": "Eight at once"},
    "/lab/recordings/{recording}/share/": {"shared": "yes"},
    "/lab/recordings/{recording}/delete/": {},
    "/lab/whatif/{recording}/begin/": WHAT_IF,
    "/lab/hardware/config/": {"pasted": '{"hidden_size": 8}', "users": "1"},
    "/lab/fleet/file/": {**PLAN, "requests": "a,b\n1,2"},
    "/lab/fleet/rates/": PLAN,
    "/lab/challenge/name/": {"name": "Ann"},
    "/lab/challenge/bursty-chat/hand-in/": {"instances": "1", "mode": "provisioned"},
}
"""By address; what stands in braces is Stranger's."""
OF_STAFF: dict[str, dict[str, Any]] = {
    "/lab/staff/pause/": {"paused": "yes"},
    "/lab/staff/stop/": {},
    "/lab/staff/clear/": {},
    "/lab/staff/reset/": {},
    "/lab/staff/restart/": {"confirmed": "yes"},
    "/lab/staff/engines/name/": {
        **{"host": HOST, "action": "test", "address": "https://gpu.example/v1"},
    },
    "/admin/login/": SIGN_IN,
    "/admin/logout/": {},
    "/admin/password_change/": {"old_password": "pw", **PASSWORDS},
    "/admin/auth/group/": {"action": "delete_selected", "_selected_action": "{group}"},
    "/admin/auth/group/add/": {"name": "Tutors", "permissions": "1", "_save": "Save"},
    "/admin/auth/group/{group}/change/": {"name": "x", "_continue": "1"},
    "/admin/auth/group/{group}/delete/": {"post": "yes"},
    "/admin/courseware/user/": {
        **{"action": "delete_selected", "_selected_action": "{user}"},
        **{"index": "0", "select_across": "0"},
    },
    "/admin/courseware/user/add/": {**SIGN_UP, "usable_password": "true"},
    "/admin/courseware/user/{user}/password/": CHOSEN,
    "/admin/courseware/user/{user}/change/": {
        **{"email": "eve@example.org", "is_active": "on", "last_login_0": "2026-01-01"},
        **{"last_login_1": "10:00", "groups": "1", "date_joined_0": "2026-01-01"},
    },
    "/admin/courseware/user/{user}/delete/": {"post": "yes"},
}
"""The same, sent by staff."""
FORMS = POSTS | OF_STAFF
AS_THEY_ARE = ("_selected_action", "permissions", "groups")
"""Ids that Django's admin takes as its own page wrote them: a superuser who forges
one gets an error of Django's."""
_NOBODYS = {
    "attempt": f"/quiz/attempts/{uuid.UUID(int=0)}/",
    "conversation": f"/mentor/conversations/{uuid.UUID(int=0)}/",
    "reset": "MQ/set-password",
}
READ_ONLY = ("admin/axes/", "admin/courseware/chapter/")
LEADS_ON = ("/history/", "<path:object_id>/")
"""Ends of addresses of the admin that look at nothing that is sent."""


def route_of(path: str) -> str:
    """The pattern that serves a path."""
    return str(resolve(path).route)


def has_no_form(route: str) -> bool:
    """Whether an address that takes a POST without looking at it is Django's own."""
    is_leading_on = route.endswith(LEADS_ON) or "(?P" in route or "/r/" in route
    is_bare = route == "admin/" or route.startswith(READ_ONLY)
    return route.startswith("admin/") and (is_leading_on or is_bare)


class Stranger:
    """A browser with an attempt, a conversation and a recording of its own; for the
    forms of staff, one of them."""

    def __init__(self, template: str, recording: bytes) -> None:
        cache.clear()
        self.template, self._file = template, recording
        self.client = Client(**BROWSER, raise_request_exception=False)
        if template in OF_STAFF and template != "/admin/login/":
            self.client.force_login(_staff(), BACKEND)
        if template.startswith(("/account/sign-in/code/", "/account/second-factor/")):
            _set_up_factor(self.client, template)
        self.client.get("/privacy/")
        self.client.post("/quiz/deploying-ai-models/start/")
        self._mine = learner_id_of(self.client.session) or uuid.uuid4().hex
        self.known = {"run": ""}
        if template == "/lab/class/predict/":
            self.known["run"] = _class_run()

    def path(self) -> str:
        """Where to send a form: to what is there now."""
        for name in ("attempt", "conversation", "recording", "letter", "reset"):
            if f"{{{name}}}" in self.template:
                self.known[name] = getattr(self, f"_{name}")()
        if "{user}" in self.template:
            user, _ = User.objects.get_or_create(email="eve@example.org")
            self.known["user"] = str(user.pk)
        if "{group}" in self.template:
            self.known["group"] = str(Group.objects.get_or_create(name="x")[0].pk)
        return self.template.format(**self.known)

    def fields(self) -> dict[str, Any]:
        """The form as a page sends it."""
        return {
            name: value.format(**{"user": "1", "group": "1", **self.known})
            if value in ("{run}", "{user}", "{group}")
            else value
            for name, value in FORMS[self.template].items()
        }

    def upload(self, chance: random.Random) -> dict[str, Any]:
        """A recording with some of its bytes changed, or cut."""
        content = bytearray(self._file)
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.2:
            del content[chance.randrange(len(content)) :]
        return {"file": SimpleUploadedFile("mine.svlr", bytes(content))}

    def _attempt(self) -> str:
        answer = self.client.post("/quiz/deploying-ai-models/start/")
        return f"/quiz/attempts/{answer.headers['Location'].split('/')[3]}/"

    def _conversation(self) -> str:
        row = Conversation.objects.create(learner_id=self._mine, title="t")
        return f"/mentor/conversations/{row.pk}/"

    def _recording(self) -> str:
        mine = KeptRecording.objects.filter(learner_id=self._mine)
        one = mine.first()
        if one is None:
            one = KeptRecording.begin(
                self._mine, recording_id=uuid.uuid4().hex, title="t"
            )
            files.keep(one, self._file, checked(self._file, "it"))
        return str(one.recording_id)

    def _letter(self) -> str:
        return signing.dumps("bob@example.org", salt=SALT)

    def _reset(self) -> str:
        user = User.objects.get(email="ann@example.org")
        place = urlsafe_base64_encode(force_bytes(user.pk))
        token = default_token_generator.make_token(user)
        self.client.get(f"/account/reset/{place}/{token}/")
        return f"{place}/set-password"


def _staff() -> User:
    found = User.objects.filter(email="staff@example.org").first()
    return found or User.objects.create_superuser("staff@example.org", "pw")


def _set_up_factor(client: Client, template: str) -> None:
    """As far as a browser has come when it sends that form."""
    user = User.objects.get(email="ann@example.org")
    factors.remove(user)
    if template.endswith(("/code/", "/remove/")):
        TOTPDevice.objects.create(user=user, name="authenticator")
    if template.endswith("/code/"):
        client.post("/account/sign-in/", SIGN_IN | {"password": "pw"})
        return
    client.force_login(user, BACKEND)
    if template.endswith("/confirm/"):
        client.post("/account/second-factor/begin/", {"password": "pw"})


def _class_run() -> str:
    """A run that goes on, of somebody else."""
    run = ExperimentRun.objects.create(
        run_id=uuid.uuid4().hex, learner_id="c" * 32, experiment="prefix"
    )
    class_run.announce(run.run_id)
    return str(run.run_id)


def example_of(template: str) -> str:
    """An address of its kind where nothing is."""
    return template.format_map(defaultdict(lambda: "1", _NOBODYS))


def unlisted(paths: Iterator[str], client: Client) -> set[str]:
    """Patterns that take a POST and have no form here."""
    listed = {route_of(example_of(template)) for template in FORMS}
    found = set()
    for path in paths:
        route = route_of(path)
        if route in listed or has_no_form(route):
            continue
        if client.post(path).status_code != 405:
            found.add(route)
    return found
