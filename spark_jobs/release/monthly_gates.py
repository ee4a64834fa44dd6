"""The gates between a month's tables and the public: MONTHLY_GATES, at the end, declares them in order.

`protected` makes the month pass the attack where it can: it hides what the attacker can place, until that is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expectations.models import Text
from expectations.outcomes import Outcome
from spark_jobs.errors import StepError
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.disclosure.attacker import Disclosed, attack
from spark_jobs.release.disclosure.published import Files, standing, unknown
from spark_jobs.release.disclosure.rules import DisclosureRules
from spark_jobs.release.disclosure.suppression import YEAR, Cell, Key, Pattern
from spark_jobs.release.files import MONTHLY
from spark_jobs.release.gates import Check, Verdict
from spark_jobs.release.model import Gate
from spark_jobs.release.monthly import PULSE, Month, MonthInput, control, counted_cells

ATTEMPTS = 8
LEAST_KEPT = 0.95


@dataclass(frozen=True)
class Candidate:
    """A month that is to be published, what an attacker finds with it, and the pattern before it."""

    month: Month
    status_code: str
    unknown: Sequence[str]
    disclosed: Sequence[Disclosed]
    before: Pattern | None


class MonthlyGateFailed(StepError):
    """The month may not be published; the months that are out stay as they are."""

    exit_code = Outcome.GATE_FAILED


def protected(
    given: MonthInput,
    status_code: str,
    methodology: Methodology,
    rules: DisclosureRules,
    before: Pattern | None,
    public: Files,
) -> Candidate:
    """The month with a pattern that gives nothing away, even to an attacker who has all `public` files too.

    Where a month was corrected, the attacker tries all versions together, and those that stand without the others: taken
    together they contradict each other, and what is widened for that hides what the standing ones tell exactly.
    """
    cells = counted_cells(given, methodology)
    city = given.city_area.area_code
    narrow: set[Key] = set()
    for _ in range(ATTEMPTS):
        pattern = control(given, rules, methodology).choose(given.month, cells, before, narrow)
        month = Month(given, methodology, rules, pattern)
        everything = {**public, **placed_below(month)}
        known = [everything, *([stands] if (stands := standing(everything)) != everything else [])]
        disclosed = [each for of_files in known for each in attack(of_files, methodology, rules, city)]
        further = {key for each in disclosed for key in _cover(each, pattern, cells, city)} - narrow
        if not further:
            break
        narrow |= further
    return Candidate(month, status_code, unknown(public), disclosed, before)


def placed_below(month: Month) -> dict[str, bytes]:
    """The month's files by path below public/<city>."""
    return {f"{MONTHLY}/{month.given.version.folder}/{name}": content for name, content in month.files().items()}


def judge_month(candidate: Candidate) -> tuple[Gate, ...]:
    """All gates, in order. Raises MonthlyGateFailed if a critical one is not passed."""
    verdicts = {name: check.judge(candidate) for name, check in MONTHLY_GATES.items()}
    gates = tuple(Gate(name, each.passed, each.detail, each.severity) for name, each in verdicts.items())
    failed = [gate for gate in gates if not gate.passed and gate.severity == "critical"]
    if failed:
        report = "\n".join(f"  gate {gate.name}: {gate.detail.en}" for gate in failed)
        raise MonthlyGateFailed(
            f"monthly: {candidate.month.given.version.folder} was not published; the months that are out stay.\n{report}"
        )
    return gates


def _cover(found: Disclosed, pattern: Pattern, cells: Sequence[Cell], city: str) -> list[Key]:
    """The cell to hide for what is disclosed: the area's own, else the smallest county's left; the finer table first."""
    for table in (PULSE, YEAR):
        row = sorted((cell.count, cell.key) for cell in cells if cell.key[:2] == (table, found.part))
        shown = [key for _, key in row if key not in pattern.hidden and key[2] != city]
        if shown and not pattern.is_city_only(table, found.part):
            return [key for key in shown if key[2] == found.area_code] or shown[:1]
    return []


def _revised(candidate: Candidate) -> Verdict:
    if candidate.status_code == "provisional":
        return _failed(
            "月度统计须用修订数据，不能用暂定数据", "a month is made of a revised release, not a provisional one"
        )
    return _passed("数据为修订或最终", "the figures are revised or final")


def _readable(candidate: Candidate) -> Verdict:
    if candidate.unknown:
        listed = ", ".join(candidate.unknown[:5])
        return _failed(
            f"有攻击检验未能读取的公开文件：{listed}", f"public files that the attacker cannot read: {listed}"
        )
    return _passed("攻击检验读取了全部公开文件", "the attacker reads every public file")


def _undisclosed(candidate: Candidate) -> Verdict:
    """Says where and not what, because the line is logged."""
    disclosed = candidate.disclosed
    if disclosed:
        listed = "; ".join(sorted({f"{each.part} {each.area_code} ({each.table})" for each in disclosed})[:5])
        return _failed(
            f"可推算出{len(disclosed)}个单元格：{listed}", f"{len(disclosed)} cells can be worked out: {listed}"
        )
    return _passed("由全部公开文件推算不出受保护的单元格", "no protected cell can be worked out from all public files")


def _enough_shown(candidate: Candidate) -> Verdict:
    share, most = candidate.month.hidden_share, candidate.month.rules.max_hidden_share
    said = Text(f"县区单元格隐去{100 * share:.0f}%", f"{100 * share:.0f} % of the county cells are hidden")
    return Verdict(share <= most, said, "critical" if share <= most else "warning")


def _pattern_kept(candidate: Candidate) -> Verdict:
    before = candidate.before
    share = candidate.month.pattern.kept_of(before) if before else 1.0
    said = Text(f"沿用上月隐去格局的{100 * share:.0f}%", f"{100 * share:.0f} % of the last month's pattern is kept")
    return Verdict(share >= LEAST_KEPT, said, "critical" if share >= LEAST_KEPT else "warning")


def _passed(zh: str, en: str) -> Verdict:
    return Verdict(True, Text(zh, en))


def _failed(zh: str, en: str) -> Verdict:
    return Verdict(False, Text(zh, en))


MONTHLY_GATES: dict[str, Check] = {
    "revised": Check(
        Text("已修订", "revised"),
        Text("月末的修订或最终发布", "a revised or final release of the month's last day"),
        _revised,
    ),
    "readable": Check(
        Text("公开文件可检验", "public files can be read"),
        Text("攻击检验认得每一个公开文件", "the attacker knows every public file by name"),
        _readable,
    ),
    "attack": Check(
        Text("攻击检验", "attack"),
        Text(
            "由历次全部公开文件与本月文件联立求解，受保护单元格的可行区间不得窄于保护宽度",
            "all public files so far and the month's, solved together: no protected cell in an interval narrower than "
            "its protection",
        ),
        _undisclosed,
    ),
    "hidden_share": Check(
        Text("隐去比例（只警告）", "share hidden (warns only)"),
        Text("县区单元格隐去的比例不超过上限", "no more of the county cells hidden than disclosure.yml allows"),
        _enough_shown,
    ),
    "pattern": Check(
        Text("格局沿用（只警告）", "pattern kept (warns only)"),
        Text("上月隐去的单元格至少95%沿用", "at least 95 % of what was hidden last month still is"),
        _pattern_kept,
    ),
}
