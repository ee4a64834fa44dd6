"""`python -m portal digest --date DAY`: one message a night about new red flags and overdue ones."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from portal.desk import released
from portal.desk.digest import send
from portal.desk.taking import take_release

NOT_SENT = 4  # exit code: somebody could not be reached; it may be run again at any time


class Command(BaseCommand):
    help = "Tell the addresses and webhooks of PINGAN_CONNECTION of new red flags and overdue ones; once a night."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", required=True, type=date.fromisoformat, help="business date, YYYY-MM-DD")

    def handle(self, *arguments: Any, **options: Any) -> None:
        day, now = options["date"], timezone.now()
        release = released.current_release()
        if release is None or release["business_date"] != day:
            self.stdout.write(f"digest: {day} is not the day of the current release: no message")
            return
        take_release(now)
        with translation.override("zh-hans"):
            done, failed = send(day, now, json.loads(os.environ["PINGAN_CONNECTION"]))
        self.stdout.write("\n".join(f"digest {day}: {line}" for line in done))
        if failed:
            raise CommandError("\n".join(f"digest {day}: not sent: {line}" for line in failed), returncode=NOT_SENT)
