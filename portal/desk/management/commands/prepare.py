"""`python -m portal prepare`: makes tables, roles and the machine's first accounts. A second run changes nothing."""

from __future__ import annotations

import json
import os
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from portal.desk import life
from portal.desk.models import Officer


class Command(BaseCommand):
    help = "Tables, roles, and the accounts of PORTAL_ACCOUNTS (JSON: name -> password; a role's name, or admin)."

    def handle(self, *arguments: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        groups = {name: Group.objects.get_or_create(name=name)[0] for name in life.ROLES}
        for name, password in json.loads(os.environ.get("PORTAL_ACCOUNTS", "{}")).items():
            if not User.objects.filter(username=name).exists():
                make_account(name, password, groups.get(name))


@transaction.atomic
def make_account(name: str, password: str, group: Group | None) -> None:
    """An account for the whole city with the role `group`; without a role it only manages accounts."""
    user = User.objects.create_user(name, password=password, is_staff=group is None, is_superuser=group is None)
    if group:
        user.groups.add(group)
        Officer.objects.create(user=user, area_code=settings.CITY_AREA)
