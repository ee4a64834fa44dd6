"""F2 drift: declared, not in force."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F2",
    name=Text("持续上升", "Drift"),
    when=Text(
        "Rossi z 的累积和（CUSUM），k = {{ t.k }}，h = {{ t.h }}，报警后归零",
        "CUSUM of Rossi's z, k = {{ t.k }}, h = {{ t.h }}, reset after an alarm",
    ),
    colours=Text("橙", "amber"),
    because=Text(
        "检测方法已按公开结果验证，尚未编入每夜作业",
        "the detector is checked against published results, no night runs it yet",
    ),
)
