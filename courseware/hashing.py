"""How passwords are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """With the figures of OWASP's Password Storage Cheat Sheet (19 MiB, two passes, one
    lane). Django's own take 100 MiB and eight lanes for each sign-in: many at once are
    an attack on the machine."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
