"""Superset 6.1 settings of the peace-index portal: Chinese, offline, loopback, read-only leaders.

Loaded by Superset through `SUPERSET_CONFIG_PATH=superset/config.py`; setup.py and gunicorn both use it.

Where secrets come from, in this order (see `secret`):
1. the environment variable of that name in capitals (`SUPERSET_SECRET_KEY`),
2. the file `<state>/secrets/<name>` (mode 0600), `<state>` being `$PINGAN_STATE`, by default `.state`.

Read here: `superset_secret_key`, `superset_metadata_url` (a PostgreSQL URL of Superset's own database).
setup.py reads more of them. Further variables: `SUPERSET_LOGIN_RATE` ("10/minute" per address and process),
`SUPERSET_DATA_CACHE_SECONDS` (60: how long after a release an old figure may show),
`SUPERSET_HTTPS` ("1" behind a TLS proxy).
"""

# Types are checked in the pipeline environment, which has no Superset.
# mypy: disable-error-code="import-not-found,import-untyped,attr-defined"

import importlib
import os
import pathlib
import runpy
import urllib.parse
from copy import deepcopy
from typing import Any

from cachelib import FileSystemCache

STATE = pathlib.Path(os.environ.get("PINGAN_STATE") or pathlib.Path(__file__).resolve().parents[1] / ".state")
HOME = STATE / "superset"
MAPS = HOME / "maps"  # <country>.geojson: the counties of the city that stands in that country's place
# The methodology page, written by `make serve` from the code of the day; shown to whoever has logged in.
PAGES = {f"/methodology/{language}": HOME / f"methodology.{language}.html" for language in ("zh", "en")}

# Read late and by name: a plain import would find this very folder in type checkers.
_defaults: Any = importlib.import_module("superset.config")


def secret(name: str) -> str:
    """The secret `name`, from the environment or its file; RuntimeError says what to do if there is none."""
    if value := os.environ.get(name.upper()):
        return value
    path = STATE / "secrets" / name
    if not path.is_file():
        raise RuntimeError(f"superset: secret {name} is missing: set {name.upper()} or write {path} (0600)")
    if path.stat().st_mode & 0o077:
        raise RuntimeError(f"superset: {path} can be read by others: chmod 600 it")
    return path.read_text(encoding="utf-8").strip()


def psycopg2_url(url: str) -> str:
    """The PostgreSQL URL `url` with the driver named that this environment has."""
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise RuntimeError(f"superset: a PostgreSQL URL is needed, found scheme {scheme!r}")
    return f"postgresql+psycopg2://{rest}"


# In capitals, because Superset takes only such names over, for setup.py to find in the app's configuration.
READ_SECRET = secret
DRIVER_URL = psycopg2_url
SECRET_KEY = secret("superset_secret_key")
SQLALCHEMY_DATABASE_URI = psycopg2_url(secret("superset_metadata_url"))
PREVENT_UNSAFE_DB_CONNECTIONS = True
LOG_LEVEL = "WARNING"
SUPERSET_WEBSERVER_ADDRESS = "127.0.0.1"
SUPERSET_WEBSERVER_TIMEOUT = 60

# ---- language: Chinese first, English for administrators ----
BABEL_DEFAULT_LOCALE = "zh"
LANGUAGES = {"zh": {"flag": "cn", "name": "简体中文"}, "en": {"flag": "us", "name": "English"}}
D3_FORMAT = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["¥", ""]}
D3_TIME_FORMAT = {
    "dateTime": "%Y年%-m月%-d日 %X", "date": "%Y-%m-%d", "time": "%H:%M:%S", "periods": ["上午", "下午"],
    "days": ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"],
    "shortDays": ["周日", "周一", "周二", "周三", "周四", "周五", "周六"],
    "months": [f"{month}月" for month in range(1, 13)],
    "shortMonths": [f"{month}月" for month in range(1, 13)],
}  # fmt: skip
CURRENCIES = ["CNY"]
# A third of the delivered language pack is "fuzzy": guesses, some wrong ("Sign in" reads "Not In").
# Corrected here is what a reader of this portal meets.
LANGUAGE_FIXES = {
    "Sign in": "登录",
    "Enter your login and password below:": "请输入用户名和密码",
    "Username:": "用户名",
    "Password:": "密码",
    "View as table": "查看数据表",
    "No data": "无指数",
    "No data after filtering or data is NULL for the latest time record": "本期未发布指数",
    "No results were returned for this query": "暂无记录",
    "There is currently no information to display.": "本期没有可显示的数据",
    "More Options": "更多操作",
    "Shift + Click to sort by multiple columns": "按住 Shift 点击可按多列排序",
    "Waiting on %s": "正在读取 %s",
    "Waiting on database...": "正在读取数据…",
}

# ---- look ----
APP_NAME = "平安指数"
BRAND = "#a61e1e"
LOGO = f"<text y='19' style='font:bold 19px sans-serif' fill='{BRAND}'>{APP_NAME}</text>"


def _svg(body: str, width: int, height: int) -> str:
    """An inline image: no file of ours has to be served and no host is asked."""
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>{body}</svg>"
    return "data:image/svg+xml;utf8," + urllib.parse.quote(svg, safe="=:/ '")


FAVICONS = [{"href": _svg(f"<circle cx='16' cy='16' r='15' fill='{BRAND}'/>", 32, 32)}]
THEME_DEFAULT = deepcopy(_defaults.THEME_DEFAULT)
THEME_DEFAULT["token"].update({
    "brandAppName": APP_NAME,
    "brandLogoAlt": APP_NAME,
    "brandLogoHref": "/",
    "brandLogoUrl": _svg(LOGO, 90, 24),
    "colorPrimary": BRAND,
    "colorLink": BRAND,
    "fontFamily": "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',sans-serif",
    "borderRadius": 4,
})  # fmt: skip
THEME_DARK = None  # one look only: no switcher
ENABLE_UI_THEME_ADMINISTRATION = False
# Blue and orange keep their difference for colour-blind readers; the text beside them says the same.
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "peace_low_to_high",
        "label": "平安指数（低→高）",
        "isDiverging": False,
        "isDefault": False,
        "colors": ["#b35806", "#f1a340", "#fee0b6", "#f2f2f2", "#d1e5f0", "#67a9cf", "#2166ac"],
    },
]
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    # One grey for all counties: the city's own line (brand colour, with its interval) is the one to see, and a county's
    # comes forward where the mouse is on it or on its name.
    {"id": "peace_areas", "label": "县区走势", "isDefault": False, "colors": ["#b9bec4"]},
]
DECKGL_BASE_MAP = [["none", "无底图"]]  # the default would ask an outside tile server

# ---- features ----
FEATURE_FLAGS = {
    "DASHBOARD_RBAC": True,
    "ALERT_REPORTS": False,
    "DRILL_BY": False,
    "DRILL_TO_DETAIL": False,
    "EMBEDDABLE_CHARTS": False,
    "ENABLE_JAVASCRIPT_CONTROLS": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
}
ROW_LIMIT = 5000


# ---- caches: files, no further service ----
def _file_cache(name: str, seconds: int) -> dict[str, Any]:
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(HOME / "cache" / name),
        "CACHE_DEFAULT_TIMEOUT": seconds,
        "CACHE_THRESHOLD": 5000,
        "CACHE_KEY_PREFIX": f"superset_{name}_",
    }


CACHE_CONFIG = _file_cache("meta", 300)
DATA_CACHE_CONFIG = _file_cache("data", int(os.environ.get("SUPERSET_DATA_CACHE_SECONDS", "60")))
FILTER_STATE_CACHE_CONFIG = _file_cache("filter", 7 * 86400)
EXPLORE_FORM_DATA_CACHE_CONFIG = _file_cache("form", 7 * 86400)

# ---- security ----
AUTH_USER_REGISTRATION = False
PUBLIC_ROLE_LIKE = None
WTF_CSRF_ENABLED = True
FAB_API_SWAGGER_UI = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("SUPERSET_HTTPS") == "1"
PERMANENT_SESSION_LIFETIME = 8 * 3600
# A session lives here, not in the cookie, so that it ends where somebody logs out: a copied cookie is of no use then.
SESSION_SERVER_SIDE = True
SESSION_TYPE = "cachelib"
SESSION_CACHELIB = FileSystemCache(
    str(HOME / "sessions"), threshold=5000, default_timeout=PERMANENT_SESSION_LIFETIME, mode=0o600
)
GUEST_TOKEN_JWT_SECRET = GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY  # the delivered defaults are public
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "300 per second"  # one first visit is a burst of about 150 requests
RATELIMIT_STORAGE_URI = "memory://"
LOGIN_PATHS = ("/login/", "/api/v1/security/login")
LOGIN_RATE = os.environ.get("SUPERSET_LOGIN_RATE", "10/minute")
HTML_SANITIZATION = True
ENABLE_CORS = False
CONTENT_SECURITY_POLICY_WARNING = False
TALISMAN_ENABLED = True
TALISMAN_CONFIG = deepcopy(_defaults.TALISMAN_CONFIG)
TALISMAN_CONFIG["content_security_policy"].update({
    "img-src": ["'self'", "blob:", "data:"],
    "connect-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'"],
    "script-src": ["'self'", "'strict-dynamic'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
})  # fmt: skip

# ---- what Superset has no setting for: request_hooks.py ----
# country_map draws only the countries it ships. Each city borrows one country's place, recognised by a code
# in its file (the file names are build hashes); setup.py gives the places out.
MAP_PLACES = {"china": "CN-HL", "canada": "CA-AB", "germany": "DE-SN"}


# The hooks lie beside this file and are found by path: Superset runs elsewhere, and "superset" is its own package.
FLASK_APP_MUTATOR = runpy.run_path(str(pathlib.Path(__file__).with_name("request_hooks.py")))["answer_first"]
