"""All settings; everything that differs between installations is read from the
environment. docs/settings.md lists each variable (a test keeps it complete)."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.hosts import allowed_hosts, trusted_origins
from config.limits import limits_of
from config.logs import logging_configuration
from config.passwords import validators
from config.storages import recordings_storage
from courseware import redis_connections
from lab.engine.addresses import address_of, celery_url
from lab.engine.environment import (
    SHORTEST_SECRET,
    Environment,
    data_dir_of,
    database_parts,
    redis_url,
)
from lab.messages import PRIORITIES

env = Environment(os.environ, refusal=ImproperlyConfigured)
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_dir_of(env)
# Where numba keeps the compiled simulator: the code's own directory may be read-only.
os.environ.setdefault("NUMBA_CACHE_DIR", str(DATA_DIR / "compiled"))
# A question is a small matrix: on a machine with work to do, threads of BLAS that wait
# for each other made its vector take 180 ms instead of 13.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Who answers, and to whom
DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY", DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", "")
if any(len(one) < SHORTEST_SECRET for one in SECRET_KEY_FALLBACKS):
    raise ImproperlyConfigured(
        f"SECRET_KEY_FALLBACKS: each key has at least {SHORTEST_SECRET} characters; "
        "several are separated by commas."
    )
ALLOWED_HOSTS = allowed_hosts(env)
PORT = env.integer("PORT", 8000, 1, 65535)
BEHIND_TLS = env.boolean("BEHIND_TLS", False)
CSRF_TRUSTED_ORIGINS = trusted_origins(env)
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES", "127.0.0.1,::1" if BEHIND_TLS else "")
try:
    for _one in TRUSTED_PROXIES:
        ip_network(_one)
except ValueError as error:
    raise ImproperlyConfigured(
        f"TRUSTED_PROXIES cannot be read ({error}): allowed are addresses and networks "
        "such as 127.0.0.1 and 172.16.0.0/12, with commas."
    ) from error
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < SHORTEST_SECRET:
    raise ImproperlyConfigured(
        f"METRICS_TOKEN has fewer than {SHORTEST_SECRET} characters."
    )
try:
    METRICS_NETWORKS = [ip_network(one) for one in env.words("METRICS_NETWORKS", "")]
except ValueError as error:
    raise ImproperlyConfigured(
        f"METRICS_NETWORKS cannot be read ({error}): allowed are networks such as "
        "10.0.0.0/8 and 127.0.0.1/32, with commas."
    ) from error

# Where data lies
DATABASE_URL = env.text("DATABASE_URL", "")
DATABASE_CONNECTIONS = env.integer("DATABASE_CONNECTIONS", 20, 2, 1_000)
REDIS_URL = redis_url(env, DATA_DIR)
LAYER_URL = redis_url(env, DATA_DIR, "REDIS_LAYER_URL")
CACHE_URL = redis_url(env, DATA_DIR, "REDIS_CACHE_URL")
BROKER_URL = redis_url(env, DATA_DIR, "REDIS_BROKER_URL")
# Not by a URL, in which a directory's # or ? would be read.
_database = database_parts(env) or {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": str(DATA_DIR / "servelab.sqlite3"),
}
if DATABASE_URL:
    is_file = DATABASE_URL.startswith("sqlite")
    try:
        _database = environ.Env.db_url_config(
            # A file's # is of its name: no URL of a database has a fragment.
            DATABASE_URL.replace("#", "%23")
            if is_file
            else address_of(DATABASE_URL).url
        )
        if not _database["ENGINE"].endswith((".sqlite3", ".postgresql")):
            raise ValueError("neither SQLite nor PostgreSQL")
    except Exception:
        # Not with its reason, which may hold the password.
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read: allowed are sqlite:///path and "
            "postgres://user:password@host:port/name."
        ) from None
DATABASES: dict[str, dict[str, Any]] = {"default": dict(_database)}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # Under ASGI each request has a thread of its own for a moment: a connection that
    # is kept by thread is neither found again nor closed. psycopg's pool keeps them.
    DATABASES["default"]["ENGINE"] = "config.postgresql"  # no page waits for ever
    DATABASES["default"]["OPTIONS"] = {
        # A machine that is gone: seconds, tcp_user_timeout in milliseconds.
        **{"connect_timeout": 5, "tcp_user_timeout": 15_000, "keepalives_idle": 10},
        **{"keepalives_interval": 5, "keepalives_count": 3},
        # libpq's, of the URL: sslmode and others.
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {
            "min_size": 0,
            "max_size": DATABASE_CONNECTIONS,
            "timeout": 8,  # with the look at what it gives, less than 10
            "max_idle": 120,
        },
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The application
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "channels",
    "django_htmx",
    "courseware",
    "lab",
    "mentor",
    "quizzes",
    "capacity",
    "benchmarks",
]
AUTH_USER_MODEL = "courseware.User"
MIDDLEWARE = [
    "config.logs.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "courseware.staff.StaffMiddleware",
    "courseware.learner.LearnerMiddleware",
    "courseware.guesses.KnownDeviceMiddleware",
    "axes.middleware.AxesMiddleware",
]
# The first one makes hashes; one made by another is made anew at the next sign-in.
PASSWORD_HASHERS = [
    "courseware.hashing.Argon2id",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = validators(env, ALLOWED_HOSTS)
LOGIN_URL = "courseware:sign-in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "courseware:home"
PASSWORD_RESET_TIMEOUT = 86_400  # seconds
SIGNUP = env.boolean("SIGNUP", True)
STAFF_SECOND_FACTOR = env.boolean("STAFF_SECOND_FACTOR", False)
OTP_TOTP_ISSUER = "Servelab"
# Wrong codes are counted as wrong passwords are, by courseware.guesses.
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "courseware.theme.theme",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# Letters: for setting a new password
EMAIL_URL = env.text("EMAIL_URL", "consolemail://")
try:
    vars().update(environ.Env.email_url_config(address_of(EMAIL_URL).url))
except Exception:
    raise ImproperlyConfigured(
        "EMAIL_URL cannot be read: allowed are consolemail:// and "
        "smtp+tls://user:password@host:port."
    ) from None
EMAIL_TIMEOUT = 10  # seconds; a mail server that says nothing is taken for away
SIGNUP_BY_LETTER = env.boolean(
    "SIGNUP_BY_LETTER", not EMAIL_URL.startswith("consolemail")
)
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "Servelab <servelab@localhost>")

# Files that the browser loads
STATIC_URL = "static/"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("images", BASE_DIR / "courseware" / "content" / "images"),
]
STATIC_ROOT = DATA_DIR / "static"
try:
    STATIC_ROOT.mkdir(exist_ok=True)
except OSError as _error:
    raise ImproperlyConfigured(
        f"DATA_DIR is {str(DATA_DIR)!r}: it cannot be written ({_error.strerror})."
    ) from _error
WHITENOISE_USE_FINDERS = True  # plain names work before collectstatic has run
WHITENOISE_MIMETYPES = {".svg": "image/svg+xml; charset=utf-8"}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.static_files.HashedFiles"
    },
    # Learners' recordings: the web processes and the worker share it.
    "recordings": recordings_storage(env, DATA_DIR / "kept-recordings"),
}

# What a page may load, and what protects a session
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
LEARNER_KEPT_DAYS = 30
SESSION_ENGINE = "courseware.sessions"
SESSION_COOKIE_AGE = LEARNER_KEPT_DAYS * 86_400
SESSION_LONGEST_DAYS = 90  # of an account, from sign-in on
STAFF_SESSION_HOURS = 12  # from sign-in on, whatever is visited
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEHIND_TLS
# A browser takes a cookie of such a name from this host alone, by TLS, for all of it.
COOKIE_PREFIX = "__Host-" if BEHIND_TLS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_HTTPONLY = True  # scripts take the token from the page
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Programs ask these: one that is led on does not notice that its token went in plain.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.boolean("HSTS_SUBDOMAINS", True)
if BEHIND_TLS:
    SECURE_HSTS_SECONDS = 31_536_000
    # Browsers' preload lists are for the owner of the domain to decide.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
AXES_USERNAME_FORM_FIELD = "username"  # the admin form's name for the address
AXES_HANDLER = "courseware.guesses.GuessHandler"
AXES_LOCKOUT_CALLABLE = "courseware.guesses.refuse"
AXES_CLIENT_IP_CALLABLE = "courseware.sockets.address_of_request"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True
LIMITS = limits_of(env)

# Messages between processes
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "config.layer.GroupLayer",
        "CONFIG": {
            "hosts": [
                {
                    "address": LAYER_URL,
                    **redis_connections.options(LAYER_URL, is_async=True),
                }
            ],
            "prefix": "servelab",
        },
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "OPTIONS": redis_connections.options(CACHE_URL),
        "KEY_PREFIX": "servelab",
    }
}
CELERY_BROKER_URL = celery_url(BROKER_URL)
CELERY_BROKER_TRANSPORT = "config.broker:PatientTransport"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "lab.generate": {"queue": "engine"},
    "lab.second_engine": {"queue": "engine"},
    "lab.plain_transformers": {"queue": "engine"},
    "lab.rehearsal": {"queue": "engine"},
}
CELERY_BEAT_SCHEDULER = "config.beat:OneOfSeveral"
CELERY_BEAT_SCHEDULE = {
    "expire-learners": {
        "task": "courseware.expire_learners",
        "schedule": crontab(hour=3, minute=30),
    },
    "sweep": {  # seconds; one that comes late is left out for the next
        "task": "lab.sweep",
        "schedule": 5.0,
        "options": {"expires": 10.0},
    },
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker may be away for hours
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5.0,  # seconds; of workers see config.celery
    "socket_connect_timeout": 5.0,
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "priority_steps": PRIORITIES,  # what the engine hosts hold no room for waits here
}

# Logs: JSON lines; make run keeps them in DATA_DIR/logs
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = logging_configuration(LOG_LEVEL)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
