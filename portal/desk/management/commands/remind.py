"""`python -m portal remind --date NIGHT --month YYYY-MM --days N`: one message a night about a revision that waits."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.desk.digest import reminder, tell
from portal.desk.management.commands.digest import NOT_SENT


class Command(BaseCommand):
    help = "Tell the addresses and webhooks of PINGAN_CONNECTION that a revised month waits for approval; once a night."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", required=True, type=date.fromisoformat, help="night of the reminder, YYYY-MM-DD")
        parser.add_argument("--month", required=True, help="month whose revision waits, YYYY-MM")
        parser.add_argument("--days", required=True, type=int, help="how many days it has waited")

    def handle(self, *arguments: Any, **options: Any) -> None:
        day, message = options["date"], reminder(options["month"], options["days"])
        done, failed = tell(message, day, timezone.now(), json.loads(os.environ["PINGAN_CONNECTION"]))
        self.stdout.write("\n".join(f"remind {day}: {line}" for line in done))
        if failed:
            raise CommandError("\n".join(f"remind {day}: not sent: {line}" for line in failed), returncode=NOT_SENT)
