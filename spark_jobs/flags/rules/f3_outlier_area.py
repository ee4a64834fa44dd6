"""F3 outlier: declared, not in force."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F3",
    name=Text("偏离全市水平", "Outlier"),
    when=Text(
        "漏斗图：县区与全市之比超出界限；离散度用缩尾 {{ t.winsorised_share | pct }} 的 z 估计；至少 {{ t.min_units }} 个县区",
        "Funnel: a county's ratio to the city outside the limits, over-dispersion from z winsorised at "
        "{{ t.winsorised_share | pct }}; at least {{ t.min_units }} counties",
    ),
    colours=Text(
        "橙 {{ t.amber_limit | pct }}，红 {{ t.red_limit | pct }}",
        "amber {{ t.amber_limit | pct }}, red {{ t.red_limit | pct }}",
    ),
    because=Text("检测方法已经测试，尚未编入每夜作业", "the detector is tested, no night runs it yet"),
)
