"""The gates between a computed index and a published one: GATES, at the end, declares them in order.

After them comes the switch (job.py), once the files have been read back. docs/published-files.md is rendered from here.
A detail that is written into a release names no earlier release: its bytes depend on its own data alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from expectations.contract import day_types_of
from expectations.holiday_notices import KNOWN_AHEAD
from expectations.models import Text
from expectations.outcomes import Outcome
from spark_jobs.errors import ContractBreach, StepError
from spark_jobs.index.engine.arrays import EngineInputError
from spark_jobs.index.engine.inputs import IndexInput
from spark_jobs.index.engine.metamorphic import metamorphic
from spark_jobs.index.engine.released_inputs import released_goalposts, released_inputs
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.release.jumps import unexplained_jumps
from spark_jobs.release.model import Gate, ReleaseInput, Severity
from spark_jobs.release.movement import movement_faults
from spark_jobs.release.suite import judge_tables
from spark_jobs.release.whole import sum_faults
from spark_jobs.release.wording import LANGUAGES, Wording
from spark_jobs.release.year_change import year_change_faults
from spark_jobs.released.columns import TABLES, rows

PERSONAL_WORDS = re.compile(
    r"pseudonym|phone|mobile|id_card|id_number|identity|caller|party_pair|victim|suspect|birth|home_address|plate"
)
PERSONAL_TEXT = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")  # mobile number, citizen identity number
EXAMPLES = 5


class GateFailed(StepError):
    """The release may not be published: the last good one stays, marked stale with `reason`.

    Exit code 5 where a feed's contract is the cause, as for the feed itself; 6 for every other gate.
    """

    exit_code = Outcome.GATE_FAILED

    def __init__(self, gates: tuple[Gate, ...]) -> None:
        failed = [gate for gate in gates if not gate.passed and gate.severity == "critical"]
        self.gates = gates
        if any(gate.name == "contract" for gate in failed):
            self.exit_code = ContractBreach.exit_code
        self.reason = Text("；".join(gate.detail.zh for gate in failed), "; ".join(gate.detail.en for gate in failed))
        report = "\n".join(f"  gate {gate.name}: {gate.detail.en}" for gate in failed)
        super().__init__(
            f"release: nothing was published; what is out stays as it is, marked stale.\n{report}\n"
            "  Correct the cause and run the same date again."
        )


@dataclass(frozen=True)
class Verdict:
    """What a gate found. If `passed` is false and the severity is a warning, the release is published all the same."""

    passed: bool
    detail: Text
    severity: Severity = "critical"


@dataclass(frozen=True)
class Check:
    """A declared gate: its name, what it looks at (for the documents), and the function that judges.

    Gates of a night judge (ReleaseInput, canonical tables). Those of a month judge a Candidate (monthly_gates.py).
    """

    name: Text
    looks_at: Text
    judge: Callable[..., Verdict]


def judge(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> tuple[Gate, ...]:
    """All gates before the switch, in order. Raises GateFailed if a critical one is not passed."""
    verdicts = {name: check.judge(given, tables) for name, check in GATES.items()}
    gates = tuple(Gate(name, each.passed, each.detail, each.severity) for name, each in verdicts.items())
    if any(not gate.passed and gate.severity == "critical" for gate in gates):
        raise GateFailed(gates)
    return gates


def feeds_delivered(_: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """A missing feed greys its indicators; it does not stop the publication, so this gate can only warn."""
    feed_status = tables["feed_status"]
    missing = _missing_feeds(feed_status)
    if missing is None:
        return _passed(f"{len(feed_status)}个数据源全部到达", f"all {len(feed_status)} feeds delivered")
    return Verdict(False, missing, "warning")


def _missing_feeds(feed_status: pd.DataFrame) -> Text | None:
    """The feeds that have not come, each with the day since when; None if all have."""
    missing = [feed for feed in rows(feed_status) if feed["state_code"] == "missing"]
    zh = "、".join(f"{feed['feed_name_zh']}（自{feed['missing_since']}起）" for feed in missing)
    en = ", ".join(f"{feed['feed_name_en']} (since {feed['missing_since']})" for feed in missing)
    return Text(f"数据未到：{zh}", f"not delivered: {en}") if missing else None


def contract_kept(_: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """A feed whose newest batch broke its contract stops the publication."""
    breached = [feed for feed in rows(tables["feed_status"]) if feed["state_code"] == "breached"]
    if not breached:
        return _passed("到达的数据均符合数据契约", "everything delivered keeps its contract")
    zh = "、".join(f"{feed['feed_name_zh']}（自{feed['missing_since']}起）" for feed in breached)
    en = ", ".join(f"{feed['feed_name_en']} since {feed['missing_since']}: {feed['reason']}" for feed in breached)
    return _failed(f"数据不符合数据契约：{zh}", f"the data break their contract: {en}")


def index_computable(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """Every published figure is one that the methodology allows, and there is at least one.

    Indicators may be published without any live domain: their scores stand for themselves.
    """
    states = {row["state_code"] for row in rows(tables["indicator_value"])}
    if "live" not in states:
        languages = (Wording(code, given.methodology) for code in LANGUAGES)
        why = _missing_feeds(tables["feed_status"]) or Text(
            *("; ".join(words.name("state", state) for state in sorted(states)) for words in languages)
        )
        return _failed(f"没有可以发布的指标：{why.zh}", f"no indicator of any area can be published: {why.en}")
    faults = _index_without_domains(given, tables) + _live_without_feed(tables)
    if faults:
        return _failed(
            f"指数不符合方法规定（{len(faults)}处，详见运行记录）",
            f"against the methodology: {_list(faults)}",
        )
    without = sum(row["index"] is None for row in rows(tables["county_index"]))
    if without == 0:
        return _passed("各地区均有指数", "every area has an index")
    return Verdict(
        False,
        Text(f"{without}个地区因缺少领域无总指数", f"{without} areas have no overall index: a domain is missing"),
        "warning",
    )


def _index_without_domains(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    least = given.methodology.aggregation.domain_live_share
    needed = {domain.id for domain in given.methodology.domains}
    live: dict[str, set[str]] = {}
    faults = []
    for row in rows(tables["domain_index"]):
        if row["is_live"]:
            live.setdefault(row["area_code"], set()).add(row["domain_id"])
            if row["live_weight_share"] is None or row["live_weight_share"] < least:
                faults.append(
                    f"{row['area_code']} {row['domain_id']} is live with {row['live_weight_share']} of its weight"
                )
    for row in rows(tables["county_index"]):
        lacking = needed - live.get(row["area_code"], set())
        if row["index"] is not None and lacking:
            faults.append(f"{row['area_code']} has an index without {', '.join(sorted(lacking))}")
    return faults


def _live_without_feed(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Missing is not zero: an indicator whose feed did not arrive must not be live."""
    absent = {feed["feed_code"] for feed in rows(tables["feed_status"]) if feed["state_code"] != "delivered"}
    return [
        f"{row['area_code']} {row['indicator_id']} is live though its feed is missing"
        for row in rows(tables["indicator_value"])
        if row["state_code"] == "live" and absent & set((row["feed_codes"] or "").split(","))
    ]


def publication_suite(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """Ranges, intervals and all areas are as they should be (Great Expectations), and no jump is unexplained. The parts
    of the movement and of the change on a year before add up. The city is the sum of its counties and the remainder."""
    breaches = judge_tables(tables, [area.area_code for area in given.areas])
    breaches += unexplained_jumps(given, tables) + movement_faults(tables) + sum_faults(given, tables)
    breaches += year_change_faults(given.methodology, tables)
    if breaches:
        return _failed(f"发布检查未通过（{len(breaches)}处，详见运行记录）", f"publication suite: {_list(breaches)}")
    return _passed("发布检查全部通过", "the publication suite found no fault")


def relations_kept(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """Relations that hold of any city hold of this one. An engine with a wrong sign, unit or smoothing breaks one."""
    headline = tables["input"][tables["input"]["window"] == "headline"]
    if headline.empty:
        return _passed("没有可检验的指标", "no indicator to judge")
    try:
        inputs = released_inputs(headline, given.methodology)
        goalposts = released_goalposts(tables["scale"], given.methodology)
        found = metamorphic(IndexInput(inputs.area_codes, inputs.headline), goalposts, given.methodology)
    except EngineInputError as error:
        return _failed(
            "发布的汇总数无法重新计算（详见运行记录）", f"the released inputs cannot be computed from: {error}"
        )
    if found.faults:
        zh = f"计算引擎违反了应恒成立的关系（{len(found.faults)}处，详见运行记录）"
        return _failed(zh, f"the engine breaks relations that always hold: {_list(list(found.faults))}")
    zh, en = "计算引擎应恒成立的关系全部成立", "the relations that hold in any city hold"
    if not found.n_turned:
        return _passed(zh, en)
    return _passed(
        f"{zh}；{found.n_turned}处落在指数不单调的区域（得分超过1.5M+S²/2M），不作判断",
        f"{en}; {found.n_turned} increases of harm lie where the index is not monotone (a score above 1.5 M + S²/(2 M)) "
        "and were not judged",
    )


def disclosure(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """County level and above only; no personal column, no personal number in a text.

    Leaders and analysts see the counts of counties, small ones too. Townships and persons are never published.
    """
    public = {area.area_code for area in given.areas}
    faults = []
    for name, frame in given.frames.items():
        personal = [c for c in frame.columns if c in given.personal_columns or PERSONAL_WORDS.search(c)]
        faults += [f"table {name} carries the personal column {column}" for column in sorted(personal)]
    for name, table in TABLES.items():
        if "area_code" in table.columns:
            finer = sorted(set(tables[name]["area_code"]) - public - ({REMAINDER} if name == "input" else set()))
            faults += [f"table {name} carries the area {code}, finer than a county or unknown" for code in finer]
        for column in (c for c, declared in table.columns.items() if declared.type == "text"):
            if any(PERSONAL_TEXT.search(value or "") for value in tables[name][column]):
                # the number itself is not repeated: this line is published and logged
                faults.append(f"table {name}, column {column}: a text holds a telephone or identity number")
    if faults:
        return _failed(f"披露检查未通过（{len(faults)}处，详见运行记录）", f"disclosure: {_list(faults)}")
    return _passed("仅公布县区级及以上汇总数据", "county level and above only, nothing personal")


def calendar_known(given: ReleaseInput, _: Mapping[str, pd.DataFrame]) -> Verdict:
    """Holidays that are not known yet can be added in time; this gate can only warn."""
    calendar = day_types_of(given.city)
    if calendar is None or given.city.archive:
        return _passed("本城市没有节假日安排表", "the city has no calendar of holidays")
    if (ends_on := calendar.ends_before(given.business_date)) is None:
        return _passed(f"节假日安排已知至{calendar.last_day}", f"holidays are known through {calendar.last_day}")
    file = f"expectations/day_types/{given.city.day_types}.yml"
    return Verdict(
        False,
        Text(
            f"{calendar.name.zh}只登记到{ends_on}；此后的日子不按节假日对待，请按下一年通知补入{file}",
            f"the calendar of {calendar.name.en} reaches to {ends_on} only; later days are no holidays here before the "
            f"next notice is added to {file}",
        ),
        "warning",
    )


def _passed(zh: str, en: str) -> Verdict:
    return Verdict(True, Text(zh, en))


def _failed(zh: str, en: str) -> Verdict:
    return Verdict(False, Text(zh, en))


def _list(faults: list[str]) -> str:
    more = f" (+{len(faults) - EXAMPLES})" if len(faults) > EXAMPLES else ""
    return "; ".join(faults[:EXAMPLES]) + more


GATES: dict[str, Check] = {
    "feeds": Check(
        Text("数据到达（只警告）", "feeds delivered (warns only)"),
        Text("缺少数据源的指标置灰，照常发布", "a missing feed greys its indicators and stops nothing"),
        feeds_delivered,
    ),
    "contract": Check(
        Text("数据契约", "contract"),
        Text("各数据源最新一批均符合契约", "no feed's newest batch broke its contract"),
        contract_kept,
    ),
    "computable": Check(
        Text("可计算", "computable"),
        Text(
            "各领域有效才有指数，数据源到达的指标才有效，至少一项有效；有地区无指数时警告",
            "an index only with all domains live, nothing live without its feed, at least one live indicator; "
            "areas without an index warn",
        ),
        index_computable,
    ),
    "publication": Check(
        Text("发布检查", "publication suite"),
        Text(
            "取值范围、区间、代码齐全（Great Expectations）；没有无法解释的突变；变动说明和较上年变动的各项相加无误；全市等于各县区与其余部分之和",
            "Great Expectations: ranges, lower ≤ index ≤ upper, every area once, codes; no jump out of the interval "
            "that neither a new flag nor another method nor a feed missing in one of the two explains; "
            "a movement and a change on a year before whose parts add up; a city that is its counties and the remainder",
        ),
        publication_suite,
    ),
    "relations": Check(
        Text("应恒成立的关系", "relations that always hold"),
        Text(
            "县区换序、换单位、件数与分母同比放大、单独计算，结果不变；伤害增加，该县区指数不升；小数平滑方向正确",
            "the engine on this release's inputs: counties in another order, another unit, many times as many events over as "
            "large a denominator and a county alone change nothing; more harm raises no county's index; no indicator reversed; "
            "few events are smoothed. Where an AMPI is not monotone the gate says so",
        ),
        relations_kept,
    ),
    "disclosure": Check(
        Text("披露检查", "disclosure"),
        Text(
            "只有县区级及以上，没有个人信息列，文字中没有电话和证件号码",
            "county level and above only, no personal column, no telephone or identity number in a text",
        ),
        disclosure,
    ),
    "calendar": Check(
        Text("节假日安排（只警告）", "holidays known (warns only)"),
        Text(
            f"节假日、调休安排至少覆盖其后{KNOWN_AHEAD.days}天",
            f"holidays and worked weekends are known for {KNOWN_AHEAD.days} days ahead",
        ),
        calendar_known,
    ),
}
