"""`python -m portal flag list|show|step`: the desk in a terminal. Its steps use the same function as the pages."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from portal.desk import life
from portal.desk.models import Case, Officer
from portal.desk.steps import StepRefused, Wish, perform_step
from portal.desk.taking import take_release
from portal.desk.views import TABS, of_tab

REFUSED = 2  # exit code: a bad argument


class Command(BaseCommand):
    help = "List flags, show one with its history, or take a step. Rights are those of the account given by --by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", required=True, metavar="USER", help="account of the portal that acts")
        parser.add_argument("--language", choices=("zh-hans", "en"), default="zh-hans")
        actions = parser.add_subparsers(dest="action", required=True)
        listed = actions.add_parser("list", help="flags, most urgent first")
        listed.add_argument("--tab", choices=list(TABS), default="open")
        shown = actions.add_parser("show", help="one flag and its history")
        stepped = actions.add_parser("step", help="take a step")
        for each in (shown, stepped):
            each.add_argument("flag_id")
        stepped.add_argument("--to", required=True, choices=sorted({target for _, target in life.MOVES}))
        stepped.add_argument("--reason", required=True, choices=sorted(life.REASON_WORDS))
        stepped.add_argument("--text", default="", help="one line; no telephone or identity number")
        stepped.add_argument("--evidence", default="", help="http(s) link, or sha256:<hash of a file>")
        stepped.add_argument("--assignee", default="", help="account that takes it up (with --to assigned)")
        stepped.add_argument("--into", default="", help="id of the flag that it is merged into (with --to merged)")

    def handle(self, *arguments: Any, **options: Any) -> None:
        officer = Officer.objects.filter(user__username=options["by"], user__is_active=True).first()
        if officer is None or not officer.roles:
            raise CommandError(f"flag: no active account {options['by']!r} with a role and an area", returncode=REFUSED)
        take_release(timezone.now())
        with translation.override(options["language"]):
            {"list": self._list, "show": self._show, "step": self._step}[options["action"]](officer, options)

    def _list(self, officer: Officer, options: dict[str, Any]) -> None:
        now = timezone.now()
        cases = of_tab(Case.objects.seen_by(officer), options["tab"], officer, now).select_related("assignee")
        for case in cases.order_by("urgency", "due_at", "pk"):
            who = case.assignee.username if case.assignee else "—"
            due = f"{timezone.localtime(case.due_at):%m-%d %H:%M}" if case.due_at else "—"
            self.stdout.write(f"{case.mark} {case.pk}  {case.rule_code:4} {case.state}  {who}  {due}  {case.detail}")

    def _show(self, officer: Officer, options: dict[str, Any]) -> None:
        case = Case.objects.seen_by(officer).filter(pk=options["flag_id"]).first()
        if case is None:
            raise CommandError(f"flag: no flag {options['flag_id']} in the area of this account", returncode=REFUSED)
        self.stdout.write(f"{case.mark} {case.area_name} {case.subject} · {case.rule_code} {case.rule_name}")
        self.stdout.write(f"{case.detail}\n")
        for step in case.steps.select_related("by"):
            who = step.by.username if step.by else "—"
            at = f"{timezone.localtime(step.at):%Y-%m-%d %H:%M}"
            said = "  ".join(filter(None, (at, who, str(step.move), str(step.reason), step.text, step.evidence)))
            self.stdout.write(f"{step.number:3}  {said}")

    def _step(self, officer: Officer, options: dict[str, Any]) -> None:
        names = {"target": "to", "reason_code": "reason", "merged_into": "into"}
        given = {name: options[names.get(name, name)] for name in (*names, "text", "evidence", "assignee")}
        try:
            step = perform_step(options["flag_id"], Wish(**given), officer, timezone.now())
        except StepRefused as refused:
            raise CommandError(str(refused), returncode=REFUSED) from refused
        self.stdout.write(f"{options['flag_id']}  {step.number}  {step.move}")
