"""F6 repeats: declared, not in force; no entry in methodology.yml yet."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F6",
    name=Text("反复发生", "Repeats"),
    when=Text(
        "同一对当事人、同一工单或同一地点反复发生",
        "The same pair of parties, the same work order or the same place again and again",
    ),
    colours=Text("仅列清单，不着色", "a list of cases, no colour"),
    because=Text("界限和清单的用法尚未确定", "its limits, and who may see the list, are not decided"),
)
