"""What to check first, by rule. Before anybody is sent: can the figures be believed? Then: where is it, and why?"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_WHERE = _("是否集中于一处、一时或一类：按乡镇、时段、类型拆开看。")
_CAUSE = _("是否同一起因：同期的天气、节日、施工、专项行动；相关提示是否一同出现。")
_BACK_ENTRY = _("是否补录：事发日期与登记日期相差多少，是否成批登记。")

FIRST_CHECKS = {
    "F1": (_BACK_ENTRY, _WHERE, _CAUSE),
    "F1b": (_BACK_ENTRY, _WHERE, _CAUSE),
    "F2": (_("自何时起偏离：当时口径、系统或人员有无变动。"), _WHERE, _CAUSE),
    "F3": (_("分母是否正确：人口、车辆、企业数有无修订。"), _("与其他县区的登记口径是否一致。"), _WHERE),
    "F4": (_("事件是否只记了一次，伤亡人数以何处为准。"), _("是否已按规定上报，谁在现场。"), _CAUSE),
    "F5": (_("积压在哪一环节：受理、办理还是办结登记。"), _("是否批量办结或延期，依据是否齐全。"), _WHERE),
    "F6": (_("同一当事双方为何反复：上一次如何办结。"), _("是否换了渠道或单位重复登记。")),
    "F7": (_("调解与警情是否同一件事，先后如何。"), _("是否需要联合上门，由谁牵头。")),
    "F8": (_("哪个领域、哪项指标拉低了指数（见变动说明）。"), _("是否因迟到数据或分母修订，而非实际变化。"), _CAUSE),
    "F9": (_("来源系统是否停止交付、延迟或更换格式：先问来源单位。"), _("在补到之前，相关指标不作评价，勿据以派人。")),
    "F10": (_("数量是否重复登记，单位（升、桶）是否正确。"), _("是否有合法用途的证明；最近一次检查的结果。")),
}
OTHERWISE = (_BACK_ENTRY, _WHERE, _CAUSE)
