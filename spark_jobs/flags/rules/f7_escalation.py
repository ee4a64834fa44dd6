"""F7 escalation: declared, not in force; no entry in methodology.yml yet."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F7",
    name=Text("矛盾升级", "Escalation"),
    when=Text(
        "矛盾纠纷此后引发警情",
        "Disputes that lead to a call to the police",
    ),
    colours=Text("橙，红", "amber, red"),
    because=Text(
        "纠纷与警情尚未关联，界限尚未确定",
        "disputes and police calls are not linked yet, and its limits are not decided",
    ),
)
