"""What holds for every answer: the language that the reader chose, what a browser may load and run on our pages, and what
is said to somebody who may not sign in for a while.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from portal.desk.sign_in import SignInLocked

Answer = Callable[[HttpRequest], HttpResponse]
# our own files, no script of a page's own, no outside host

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ContentSecurityPolicy:
    """Sets the policy on every answer. Pages of people who have signed in are not kept in any cache."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._answer(request)
        response["Content-Security-Policy"] = POLICY
        response.setdefault("Cache-Control", "no-store")
        return response


class ChosenLanguage:
    """Chinese, until the reader switches to another language. What the browser prefers does not matter."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            response = self._answer(request)
        response["Content-Language"] = language
        return response


class LockedSignIn:
    """Says how long signing in is locked, in both languages: the reader may not have chosen one yet."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._answer(request)

    def process_exception(self, request: HttpRequest, raised: Exception) -> HttpResponse | None:
        if not isinstance(raised, SignInLocked):
            return None
        response = render(request, "429.html", {"minutes": math.ceil(raised.seconds / 60)}, status=429)
        response["Retry-After"] = str(raised.seconds)
        return response
