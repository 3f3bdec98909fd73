"""Second factors as they are kept: an authenticator's secret, and backup codes.

django-otp keeps both, and takes each code once. Of the backup codes it has keyed hashes
here: who reads the database cannot use them.
"""

import secrets
from base64 import b32encode
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp import DEVICE_ID_SESSION_KEY, verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from courseware.models import User

NUM_CODES = 10
CODE_BYTES = 15
"""Of a backup code: with 120 random bits a keyed hash keeps it as safely as one that is
slow on purpose."""


def has_factor(user: User) -> bool:
    """Whether this account is asked for a code."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def num_codes_left(user: User) -> int:
    """Backup codes that were not used."""
    return int(StaticToken.objects.filter(device__user=user).count())


def is_passed(user: User, session: Any) -> bool:
    """Whether a factor that the account still has was shown in this session."""
    device_id = session.get(DEVICE_ID_SESSION_KEY)
    device = Device.from_persistent_id(device_id) if device_id else None
    return device is not None and device.user_id == user.pk


def acts_as_staff(user: Any, session: Any) -> bool:
    """Whether who sits at this session may do what staff may: the factor is passed, or
    there is none and none is demanded."""
    if not isinstance(user, User) or not user.is_staff:
        return False
    if is_passed(user, session):
        return True
    return not settings.STAFF_SECOND_FACTOR and not has_factor(user)


def device_of(user: User, code: str) -> Device | None:
    """What a code is of, which is used up by that; None where it is wrong."""
    code = "".join(code.split()).replace("-", "").lower()
    for model, token in ((TOTPDevice, code), (StaticDevice, _kept(user, code))):
        for device in model.objects.filter(user=user, confirmed=True):
            if found := verify_token(user, device.persistent_id, token):
                return found
    return None


@transaction.atomic
def enrol(user: User, key: str, code: str) -> tuple[Device, list[str]] | None:
    """Keep a secret (hex) whose authenticator shows this code, with new backup codes;
    None where the code is wrong, or another was kept meanwhile."""
    User.objects.select_for_update().get(pk=user.pk)
    if has_factor(user):
        return None
    device = TOTPDevice.objects.create(user=user, name="authenticator", key=key)
    if not device.verify_token("".join(code.split())):
        device.delete()
        return None
    backup = StaticDevice.objects.create(user=user, name="backup codes")
    codes = [_new_code() for _ in range(NUM_CODES)]
    for one in codes:
        backup.token_set.create(token=_kept(user, one))
    return device, codes


def remove(user: User) -> None:
    """The password alone signs in again."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def _new_code() -> str:
    """24 letters and digits."""
    return b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()


def _kept(user: User, code: str) -> str:
    made = salted_hmac(
        "courseware.backup-code", f"{user.pk} {code}", algorithm="sha256"
    )
    return made.hexdigest()[: StaticToken._meta.get_field("token").max_length]
