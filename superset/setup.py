"""Make Superset ready for one city: database, permissions, users, dashboard. Run twice, it changes nothing.

    export SUPERSET_CONFIG_PATH=superset/config.py
    .venv/superset/bin/python superset/setup.py --city <code> --city-name <name>

then serve it on loopback (one process is enough for a box; 380 MB):

    .venv/superset/bin/gunicorn -w 1 -k gthread --threads 8 --timeout 120 --no-control-socket \
        -b 127.0.0.1:<port> "superset.app:create_app()"

The dashboard is `/superset/dashboard/peace-index-<city>/`; `/` leads a reader to it.

Secrets (environment variable in capitals, or the file `<state>/secrets/<name>`, mode 0600; see config.py):
    superset_secret_key       any 42 random bytes, base64
    superset_metadata_url     PostgreSQL URL of Superset's own, existing, database (its user owns it)
    mart_reader_url           PostgreSQL URL of the serving database, user `mart_reader` (SELECT only)
    superset_admin_password   login `admin`, who may change everything
    superset_leader_password  login `leader`, who may look at the dashboard
The schema `mart_<city>` need not exist yet: charts read it when opened.

The map: `<state>/superset/counties_<city>.geojson`, written by boundaries.py; without it there is no map.
All in one process, because every call of Superset's command line costs 8 to 10 seconds of start-up.
"""

# Types are checked in the pipeline environment, which has no Superset.
# mypy: disable-error-code="import-not-found,import-untyped,attr-defined"

import argparse
import logging
import os
import pathlib
import re
import sys
import time
from typing import Any

import click
from render import render
from sqlalchemy.exc import OperationalError

EXIT_ENVIRONMENT = 7

# The smallest set that still opens a dashboard, measured on 6.1.0. Gamma may write charts: no reader's role.
LEADER_PERMISSIONS = {
    ("can_read", "Dashboard"), ("can_read", "Chart"),
    ("can_dashboard", "Superset"), ("can_slice", "Superset"),
    ("can_explore_json", "Superset"), ("can_dashboard_permalink", "Superset"),
    ("can_read", "DashboardFilterStateRestApi"), ("can_write", "DashboardFilterStateRestApi"),
    ("can_time_range", "Api"), ("can_query", "Api"), ("can_query_form_data", "Api"),
    ("can_read", "CssTemplate"), ("can_read", "Theme"), ("can_read", "CurrentUserRestApi"),
    ("can_language_pack", "Superset"), ("can_log", "Superset"), ("can_read", "SecurityRestApi"),
    ("can_get", "MenuApi"), ("menu_access", "Dashboards"),
    ("can_this_form_get", "ResetMyPasswordView"), ("can_this_form_post", "ResetMyPasswordView"),
    ("resetmypassword", "UserDBModelView"), ("can_userinfo", "UserDBModelView"),
}  # fmt: skip


def claim_map_place(counties: pathlib.Path, places: pathlib.Path, countries: list[str]) -> str | None:
    """The country whose place shows these counties: the one it has already, else the first free one.

    The folder `places` is the register: <country>.geojson, a link to the city's file. None if there are no
    counties; RuntimeError if every place is taken.
    """
    if not counties.is_file():
        return None
    places.mkdir(parents=True, exist_ok=True)
    links = {country: places / f"{country}.geojson" for country in countries}
    for country, link in links.items():
        if link.is_symlink() and link.resolve() == counties.resolve():
            return country
    for country, link in links.items():
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(counties, places))
            return country
    raise RuntimeError(f"superset: {len(countries)} cities have a map, none is free in {places}: remove a link")


def migrate(app: Any) -> None:
    """Bring Superset's own database to this version; the permissions too, unless that was finished before."""
    from flask_migrate import upgrade

    from superset import appbuilder, security_manager

    upgrade(directory=str(pathlib.Path(app.root_path) / "migrations"))
    if security_manager.find_role("Leader"):  # written last, so the roles it rests on are complete
        return
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()


def ensure_user(name: str, password: str, role: Any) -> Any:
    """The user `name` with exactly this role and password."""
    from werkzeug.security import check_password_hash

    from superset import db, security_manager

    user = security_manager.find_user(username=name)
    if not user:
        user = security_manager.add_user(name, name, "-", f"{name}@localhost", role, password=password)
        if not user:
            raise RuntimeError(f"superset: the user {name!r} could not be created; Superset's log says why")
    user.roles = [role]
    if not check_password_hash(user.password, password):
        security_manager.reset_password(user.id, password)
    db.session.commit()
    return user


def import_assets(files: dict[str, str], admin: Any) -> None:
    """Overwrite database, datasets, charts and dashboard. RuntimeError names every file that is not valid."""
    from superset.commands.exceptions import CommandInvalidError
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    try:
        with override_user(admin):
            ImportAssetsCommand(files).run()
    except CommandInvalidError as error:
        raise RuntimeError(f"superset: assets are not valid: {error.normalized_messages()}") from None


def exact_role(name: str, permissions: set[tuple[str, str]]) -> Any:
    """The role `name` with these permissions and no other."""
    from superset import security_manager

    role = security_manager.find_role(name) or security_manager.add_role(name)
    role.permissions = [security_manager.add_permission_view_menu(*pair) for pair in sorted(permissions)]
    return role


def grant(city_code: str, password: str) -> None:
    """Public sees nothing; Leader sees the dashboards and may change nothing."""
    from superset.models.dashboard import Dashboard

    from superset import db

    exact_role("Public", set())
    leader = exact_role("Leader", LEADER_PERMISSIONS)
    dashboard = db.session.query(Dashboard).filter_by(slug=f"peace-index-{city_code}").one()
    dashboard.roles, dashboard.published = [leader], True
    db.session.commit()
    ensure_user("leader", password, leader)


def set_up(city_code: str, city_name: str) -> None:
    """All steps, each with its seconds."""
    started = time.monotonic()

    def done(step: str) -> None:
        click.echo(f"superset: {step} ({time.monotonic() - started:.0f} s)")

    from superset.app import create_app

    logging.disable(logging.CRITICAL)  # a missing secret is told in one line by `main`, not in a traceback
    app = create_app()
    logging.disable(logging.WARNING)  # 340 migrations would print a thousand lines
    secret, home = app.config["READ_SECRET"], app.config["HOME"]
    mart_url = app.config["DRIVER_URL"](secret("mart_reader_url"))
    admin_password, leader_password = secret("superset_admin_password"), secret("superset_leader_password")
    country = claim_map_place(
        home / f"counties_{city_code}.geojson", app.config["MAPS"], list(app.config["MAP_PLACES"])
    )
    with app.app_context():
        from superset import security_manager

        migrate(app)
        done("own database is current")
        admin = ensure_user("admin", admin_password, security_manager.find_role("Admin"))
        import_assets(render(city_code, city_name, mart_url, country), admin)
        grant(city_code, leader_password)
    done(f"dashboard peace-index-{city_code} is ready, {'with' if country else 'without'} a map")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city", required=True, help="city code, the <city> of schema mart_<city>")
    parser.add_argument("--city-name", required=True, help="the city's name as leaders read it")
    arguments = parser.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", arguments.city):
        parser.error(f"--city: lower-case letters, digits and _ are expected, found {arguments.city!r}")
    try:
        set_up(arguments.city, arguments.city_name)
    except RuntimeError as error:
        click.echo(str(error), err=True)
    except OperationalError as error:
        click.echo(f"superset: superset_metadata_url does not answer: {error.orig}", err=True)
    else:
        return 0
    return EXIT_ENVIRONMENT


if __name__ == "__main__":
    sys.exit(main())
