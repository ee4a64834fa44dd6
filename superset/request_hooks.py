"""Requests that are answered before Superset does: logins over the rate, language pack, landing, methodology, map.

config.py gives `answer_first` to Superset as FLASK_APP_MUTATOR; what it needs is read from the app's configuration.
"""

# Types are checked in the pipeline environment, which has no Superset.
# mypy: disable-error-code="import-not-found,import-untyped,attr-defined"

import importlib
import json
import pathlib
import runpy
from functools import cache
from typing import Any

refuse_sql = runpy.run_path(str(pathlib.Path(__file__).with_name("reader_requests.py")))["refuse_sql"]


def answer_first(app: Any) -> None:
    """Register the hooks on Superset's Flask app; the first that answers is heard."""
    for hook in (limit_logins, refuse_sql, correct_language, lead_to_dashboard, show_methodology, show_county_map):
        app.before_request(hook(app.config))


def limit_logins(config: dict[str, Any]) -> Any:
    """AUTH_RATE_LIMIT hangs on the wrong view in 6.1.0 and never acts: this one does."""
    from flask import Response, request
    from limits import parse, storage, strategies

    limiter = strategies.MovingWindowRateLimiter(storage.storage_from_string(config["RATELIMIT_STORAGE_URI"]))
    rate = parse(config["LOGIN_RATE"])

    def answer() -> Any:
        is_login = request.method == "POST" and request.path in config["LOGIN_PATHS"]
        if is_login and not limiter.hit(rate, "login", request.remote_addr):
            return Response("登录过于频繁，请稍后再试", status=429, headers={"Retry-After": "60"})
        return None

    return answer


def correct_language(config: dict[str, Any]) -> Any:
    """Before login too: the form itself must be Chinese."""
    from flask import Response, request

    pack = _language_pack(config["LANGUAGE_FIXES"])

    def answer() -> Any:
        if request.path == "/superset/language_pack/zh/":
            return Response(pack, mimetype="application/json", headers={"Cache-Control": "max-age=3600"})
        return None

    return answer


def lead_to_dashboard(_: dict[str, Any]) -> Any:
    from flask import redirect, request

    def answer() -> Any:
        if request.path in ("/", "/superset/welcome/") and (target := _landing()):
            return redirect(target)
        return None

    return answer


def show_methodology(config: dict[str, Any]) -> Any:
    """The page in both languages, for whoever has logged in."""
    from flask import redirect, request, send_file
    from flask_login import current_user

    def answer() -> Any:
        if (page := config["PAGES"].get(request.path)) and page.is_file():
            return send_file(page.resolve()) if current_user.is_authenticated else redirect("/login/")
        return None

    return answer


def show_county_map(config: dict[str, Any]) -> Any:
    """The counties of a city, in the place of the country that it borrows."""
    from flask import request, send_file

    files = cache(lambda: _map_files(config["MAP_PLACES"]))

    def answer() -> Any:
        if request.path.endswith(".geojson"):
            country = files().get(request.path.rsplit("/", 1)[-1])
            if country and (counties := config["MAPS"] / f"{country}.geojson").is_file():
                return send_file(counties.resolve(), mimetype="application/json", max_age=600)
        return None

    return answer


def _package() -> pathlib.Path:
    """Folder of the installed Superset, by name: a plain import would find this very folder in type checkers."""
    return pathlib.Path(str(importlib.import_module("superset.config").__file__)).parent


def _language_pack(fixes: dict[str, str]) -> bytes:
    path = _package() / "translations" / "zh" / "LC_MESSAGES" / "messages.json"
    pack = json.loads(path.read_text(encoding="utf-8"))
    pack["locale_data"]["superset"].update({text: [chinese] for text, chinese in fixes.items()})
    return json.dumps(pack, ensure_ascii=False).encode()


def _landing() -> str | None:
    """Where a reader lands: the dashboard of the only city, else the list; None for administrators."""
    from flask_login import current_user
    from superset.models.dashboard import Dashboard

    from superset import db

    if not current_user.is_authenticated or "Admin" in {role.name for role in current_user.roles}:
        return None
    slugs = db.session.query(Dashboard.slug).filter(Dashboard.slug.like("peace-index-%")).all()
    return f"/superset/dashboard/{slugs[0][0]}/" if len(slugs) == 1 else "/dashboard/list/"


def _map_files(places: dict[str, str]) -> dict[str, str]:
    """Country -> the code in its file gives delivered file name -> country."""
    found = {}
    for path in sorted((_package() / "static" / "assets").glob("*.geojson")):
        text = path.read_text(encoding="utf-8")
        for country, code in places.items():
            if f'"{code}"' in text:
                found[path.name] = country
    return found
