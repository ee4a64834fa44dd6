"""The status code of a value: SDMX's code list CL_OBS_STATUS 2.2, as far as our figures need it. Pure."""

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
_OF_STATE = {"missing_feed": "L", "no_denominator": "M", "too_few": "N", "no_base": "M", "narrow_base": "N"}


def obs_status(value: float | None, status_code: str, state_code: str | None = None) -> str:
    """Of a value: provisional or normal. Of none: why, by the state of its indicator where it has one."""
    if value is None:
        return _OF_STATE.get(state_code or "", "O")
    return "P" if status_code == "provisional" else "A"
