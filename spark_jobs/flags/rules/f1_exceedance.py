"""F1 exceedance: declared, not in force."""

from expectations.models import Text
from spark_jobs.flags.rule import Rule

RULE = Rule(
    code="F1",
    name=Text("异常增多", "Exceedance"),
    when=Text(
        "周件数超过 Farrington（灵活版）预测上限：准泊松回归，含趋势和 {{ t.season_levels }} 级季节，"
        "回看 {{ t.min_history_years }}–{{ t.history_years }} 年、同周前后 {{ t.half_window_weeks }} 周，"
        "剔除最近 {{ t.excluded_recent_weeks }} 周，残差超过 {{ t.residual_threshold }} 的周降权；"
        "近 {{ t.recent_weeks }} 周至少 {{ t.min_recent_events }} 件",
        "A week's count above the upper bound of Farrington's flexible method: quasi-Poisson with trend and "
        "{{ t.season_levels }} levels of season, {{ t.min_history_years }} to {{ t.history_years }} years back, same week "
        "± {{ t.half_window_weeks }}, the last {{ t.excluded_recent_weeks }} weeks left out, weeks with a residual above "
        "{{ t.residual_threshold }} weigh less; at least {{ t.min_recent_events }} events in {{ t.recent_weeks }} weeks",
    ),
    colours=Text(
        "橙 α {{ t.amber_alpha }}，红 α {{ t.red_alpha }}", "amber α {{ t.amber_alpha }}, red α {{ t.red_alpha }}"
    ),
    because=Text(
        "检测方法已按公开结果验证，尚未编入每夜作业；在此之前由 F1b 监测",
        "the detector is checked against published results, no night runs it yet; F1b watches until then",
    ),
)
