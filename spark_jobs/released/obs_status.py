"""The status codes of a value: those that our figures need of SDMX CL_OBS_STATUS 2.2 and CL_CONF_STATUS 1.3. Pure."""

from __future__ import annotations

from expectations.models import Text

# https://registry.sdmx.org/items/codelist.html (SDMX:CL_OBS_STATUS)
OBS_STATUS: dict[str, Text] = {
    "A": Text("正常值", "normal value"),
    "P": Text("暂定值", "provisional value"),
    "L": Text("缺失：数据存在但未收到", "missing value; data exist but were not collected"),
    "M": Text("缺失：数据不存在", "missing value; data cannot exist"),
    "N": Text("件数太少，不作统计", "not significant"),
    "O": Text("缺失", "missing value"),
    "Q": Text("缺失：不予公开", "missing value; suppressed"),
}
# SDMX:CL_CONF_STATUS. What leaders and analysts read in full is not for publication. Everybody gets whole points, and
# figures that passed disclosure control.
CONF_STATUS: dict[str, Text] = {
    "F": Text("可公开", "free for publication"),
    "N": Text("限内部使用，不公开", "not for publication, restricted for internal use only"),
    "C": Text("保密", "confidential statistical information"),
}
FREE, INTERNAL, CONFIDENTIAL = CONF_STATUS
SUPPRESSED = "Q"
_OF_STATE = {
    "missing_feed": "L", "no_denominator": "M", "too_few": "N", "no_base": "M", "narrow_base": "N", "no_history": "M",
    "no_cases": "M",
}  # fmt: skip


def obs_status(value: float | None, status_code: str, state_code: str | None = None, empty: str = "O") -> str:
    """A value is provisional or normal. A missing one has the reason: by its indicator's state, or else `empty`."""
    if value is None:
        return _OF_STATE.get(state_code or "", empty)
    return "P" if status_code == "provisional" else "A"
