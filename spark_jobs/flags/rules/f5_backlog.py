"""F5 backlog: declared, not in force."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F5",
    name=Text("积压", "Backlog"),
    when=Text(
        "超 {{ t.open_days }} 天未结比例高于基期的概率超过界限且连升 {{ t.rising_weeks }} 周；"
        "或未结件数超过 {{ t.max_weeks_of_closures }} 周的办结量",
        "Share open over {{ t.open_days }} days probably above its base and rising for {{ t.rising_weeks }} weeks; or more open "
        "than {{ t.max_weeks_of_closures }} weeks of closures",
    ),
    colours=Text(
        "橙 {{ t.amber_probability | pct }}，红 {{ t.red_probability | pct }}",
        "amber {{ t.amber_probability | pct }}, red {{ t.red_probability | pct }}",
    ),
    because=Text("每周未结件数尚未统计", "what is open is not yet counted week by week"),
)
