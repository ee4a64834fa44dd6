"""F10 threshold passed: declared, not in force."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F10",
    name=Text("超出阈值", "Threshold passed"),
    when=Text(
        "同一地点滚动 {{ t.window_days }} 天累计数量严格超过 {{ t.limit | n }} {{ t.unit.zh }}",
        "Quantity at one place over a rolling {{ t.window_days }} days strictly above {{ t.limit | n }} {{ t.unit.en }}",
    ),
    colours=Text("橙", "amber"),
    because=Text("尚无按地点报送数量的数据源", "no feed brings quantities by place yet"),
)
