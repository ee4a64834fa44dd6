"""Django's settings. What differs between machines or cities comes from the environment, secrets included.

PORTAL_URL: the serving PostgreSQL as role `portal`; PORTAL_SECRET_KEY signs sessions; PORTAL_CITY, PORTAL_CITY_AREA,
PORTAL_CITY_NAME_ZH, PORTAL_CITY_NAME_EN and PORTAL_TIME_ZONE say whose portal it is; PORTAL_HTTPS=1 behind TLS.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

_url = urlsplit(os.environ["PORTAL_URL"])
CITY = os.environ["PORTAL_CITY"]
CITY_AREA = os.environ["PORTAL_CITY_AREA"]
CITY_NAMES = {"zh": os.environ.get("PORTAL_CITY_NAME_ZH", CITY), "en": os.environ.get("PORTAL_CITY_NAME_EN", CITY)}
MART_SCHEMA = f"mart_{CITY}"

SECRET_KEY = os.environ.get("PORTAL_SECRET_KEY", "")
DEBUG = False
ALLOWED_HOSTS = os.environ.get("PORTAL_HOSTS", "127.0.0.1,localhost").split(",")
INSTALLED_APPS = [
    "portal.desk",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.middleware.ChosenLanguage",
    "portal.middleware.LockedSignIn",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.desk.views.city",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/"),
        "USER": _url.username,
        "PASSWORD": unquote(_url.password or ""),
        "HOST": _url.hostname,
        "PORT": _url.port,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {"options": f"-c search_path=portal_{CITY} -c statement_timeout=30s"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["portal.desk.sign_in.LimitedSignIn"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "flags"
LOGOUT_REDIRECT_URL = "login"
# Browsers share cookies between ports: on loopback, Superset's and Airflow's lie beside these.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = "portal_session", "portal_csrf", "portal_language"
SESSION_COOKIE_AGE = 12 * 3600  # a shift
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
BEHIND_TLS = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("PORTAL_HTTPS") == "1"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"  # without it browsers hide a form's origin, and the form is taken for forged
DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [Path(__file__).with_name("locale")]
USE_TZ = True
TIME_ZONE = os.environ.get("PORTAL_TIME_ZONE", "Asia/Shanghai")
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
