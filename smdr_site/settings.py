"""All settings, from the environment. docs/operations.md lists the variables."""

from pathlib import Path

import environ
from csp.constants import NONE, SELF

from smdr_site.environment import data_directory, secret_key, whole_number

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()

DEBUG = env.bool("DEBUG", default=False)
SMDR_DATA_DIR = data_directory(env.str("SMDR_DATA_DIR", default=str(BASE_DIR / "var")))
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key(SMDR_DATA_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "smdr_site",
    "calls.directory",
    "calls.costing",
    "calls",
    "ingest",
    "reports",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_filters",
    "django_htmx",
    "django_include_bootstrap",
    "auditlog",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "smdr_site.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "smdr_site.middleware.health_without_session",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "smdr_site.middleware.visible_controls",
]

ROOT_URLCONF = "smdr_site.urls"
ASGI_APPLICATION = "smdr_site.asgi.application"

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
                "smdr_site.context.shell",
            ],
            # Not an installed app, as that would import it, and with it a database driver, into every command.
            "libraries": {"django_tables2": "django_tables2.templatetags.django_tables2"},
        },
    },
]

# Database: SQLite under the data directory, or whatever DATABASE_URL names.

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{SMDR_DATA_DIR / 'tollbook.sqlite3'}")}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-3000;"
        " PRAGMA wal_autocheckpoint=8000;",
    }
    DATABASES["default"]["TEST"] = {"NAME": SMDR_DATA_DIR / "test.sqlite3"}
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A worker that is frozen in the middle of a transaction must not keep its locks from those that go on.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c idle_in_transaction_session_timeout=10000")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Live updates: between processes through Redis or Valkey, else within this one.

REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, "max_connections": 50, "socket_timeout": 30}],
                "prefix": "tollbook",
            },
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# Time, region and language.

TIME_ZONE = env.str("TIME_ZONE", default="Europe/London")
USE_TZ = True
USE_I18N = False
LANGUAGE_CODE = "en-gb"
SMDR_REGION = env.str("SMDR_REGION", default="GB")

# Ingest.

JOURNAL_KEEP_DAYS = whole_number("JOURNAL_KEEP_DAYS", default=7, least=0, most=3_650)
JOURNAL_LIMIT_MEGABYTES = whole_number("JOURNAL_LIMIT_MEGABYTES", default=4_096, least=64, most=10_000_000)

# What a feed's peers may do (ingest/receiver.py), and how much of what cannot be read is kept line by line.

INGEST_CONNECTIONS_PER_FEED = whole_number("INGEST_CONNECTIONS_PER_FEED", default=64, least=1, most=10_000)
INGEST_CONNECTIONS_PER_PEER = whole_number("INGEST_CONNECTIONS_PER_PEER", default=8, least=1, most=10_000)
INGEST_LINE_BYTES = whole_number("INGEST_LINE_BYTES", default=4_096, least=300, most=65_536)
INGEST_UNENDED_LINE_SECONDS = whole_number("INGEST_UNENDED_LINE_SECONDS", default=60, least=1, most=86_400)
INGEST_ODD_LINES_PER_SECOND = whole_number("INGEST_ODD_LINES_PER_SECOND", default=500, least=1, most=1_000_000)
INGEST_LOG_LINES_PER_MINUTE = whole_number("INGEST_LOG_LINES_PER_MINUTE", default=30, least=1, most=100_000)
QUARANTINE_LINES_PER_FEED = whole_number("QUARANTINE_LINES_PER_FEED", default=10_000, least=1, most=1_000_000)

# Outages: from when each counts as one.

WORKER_DOWN_AFTER_SECONDS = env.float("WORKER_DOWN_AFTER_SECONDS", default=10)
DISCONNECTED_AFTER_SECONDS = env.float("DISCONNECTED_AFTER_SECONDS", default=5)
BACKLOG_AFTER_SECONDS = env.float("BACKLOG_AFTER_SECONDS", default=60)
SILENT_AFTER_AT_LEAST_MINUTES = env.float("SILENT_AFTER_AT_LEAST_MINUTES", default=10)

# Telling the operator of outages (manage.py notify).

NOTIFY_EMAIL = env.list("NOTIFY_EMAIL", default=[])
NOTIFY_WEBHOOK_URL = env.str("NOTIFY_WEBHOOK_URL", default="")
NOTIFY_AFTER_SECONDS = env.float("NOTIFY_AFTER_SECONDS", default=120)
NOTIFY_EVERY_MINUTES = env.float("NOTIFY_EVERY_MINUTES", default=60)
NOTIFY_TIMEOUT_SECONDS = env.float("NOTIFY_TIMEOUT_SECONDS", default=15)
SITE_URL = env.str("SITE_URL", default="")
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = NOTIFY_TIMEOUT_SECONDS
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("NOTIFY_FROM", default="tollbook@localhost")

# Reports that read the calls themselves are stopped after so long.

REPORT_SECONDS = whole_number("REPORT_SECONDS", default=20, least=1, most=3_600)
EXPORT_SECONDS = whole_number("EXPORT_SECONDS", default=600, least=1, most=86_400)  # of a report for a long file

# Static files: ours, and those that come inside packages.

STATIC_URL = "/static/"
STATIC_ROOT = data_directory(str(SMDR_DATA_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# Sign-in.

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 14 * 24 * 3600
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_HTTP_RESPONSE_CODE = 429

# Transport security, on where the site is reached over HTTPS.

HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Tables, audit log, logging.

DJANGO_TABLES2_TEMPLATE = "tables/table.html"
AUDITLOG_DISABLE_REMOTE_ADDR = False
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "smdr_site.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
