"""F8 deterioration: declared, not in force."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F8",
    name=Text("指数恶化", "Deterioration"),
    when=Text(
        "指数比上年同期低 {{ t.drop_points | n }} 分以上的概率连续 {{ t.months }} 个月超过 {{ t.probability | pct }}",
        "More than {{ t.drop_points | n }} points below the county's own last year with a probability above "
        "{{ t.probability | pct }}, {{ t.months }} months running",
    ),
    colours=Text("橙", "amber"),
    because=Text("预警作业尚不读取各月末的指数", "flags do not read the index of past months yet"),
)
