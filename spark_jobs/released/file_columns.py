"""The columns of a table's files: the release, the declared ones, then statuses, units and names of areas. Pure."""

from __future__ import annotations

from expectations.models import Text
from spark_jobs.released.columns import Column, PublicTable, Table
from spark_jobs.released.obs_status import CONF_STATUS as CONF_STATUSES
from spark_jobs.released.obs_status import OBS_STATUS

CONF_STATUS = "conf_status"
_LOCAL_DAY = Text("当地日期", "local day")
_RELEASE_ID = Column(type="text", required=True, zh="发布编号", en="id of the release")
_BUSINESS_DATE = Column(type="day", required=True, unit=_LOCAL_DAY, zh="业务日期", en="business date")
_MONTH = Column(type="text", required=True, zh="月份（年-月）", en="month, as yyyy-mm")
AREA_NAMES = {
    "area_name_zh": Column(type="text", required=True, zh="地区中文名", en="Chinese name of the area"),
    "area_name_en": Column(type="text", required=True, zh="地区英文名", en="English name of the area"),
}
# Beside rates of indicators, each of which has a unit of its own.
RATE_UNITS = {
    "rate_unit_zh": Column(type="text", required=True, zh="率及其区间的单位（中文）", en="unit of the rate and its interval, in Chinese"),
    "rate_unit_en": Column(type="text", required=True, zh="率及其区间的单位（英文）", en="unit of the rate and its interval, in English"),
}  # fmt: skip

_CONFIDENTIAL = Column(
    type="text", codes=tuple(CONF_STATUSES), required=True,
    zh="保密状态，SDMX 代码（CL_CONF_STATUS）", en="how confidential the row is, code of SDMX CL_CONF_STATUS",
)  # fmt: skip


def file_columns(table: Table) -> dict[str, Column]:
    """Every column of the table's files, in order."""
    statuses = {table.status_column(figure): _status(figure) for figure in table.figures}
    confidential = {CONF_STATUS: _CONFIDENTIAL} if statuses else {}
    units = RATE_UNITS if has_rates(table) else {}
    names = AREA_NAMES if "area_code" in table.columns else {}
    return {**head(table), **table.columns, **statuses, **confidential, **units, **names}


def has_rates(table: Table) -> bool:
    """Whether a table has rates of indicators."""
    return {"indicator_id", "rate"} <= table.columns.keys()


def head(table: Table) -> dict[str, Column]:
    """The columns that say of which release the rows are, and of which day or month."""
    is_month = isinstance(table, PublicTable) and table.tier == "public_monthly"
    return {"release_id": _RELEASE_ID, **({"month": _MONTH} if is_month else {"business_date": _BUSINESS_DATE})}


def _status(figure: str) -> Column:
    zh, en = f"{figure} 的状态，SDMX 代码（CL_OBS_STATUS）", f"status of {figure}, code of SDMX CL_OBS_STATUS"
    return Column(type="text", codes=tuple(OBS_STATUS), required=True, zh=zh, en=en)
