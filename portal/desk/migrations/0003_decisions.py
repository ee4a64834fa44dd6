"""The view by which the lake reads what was decided: local times, and neither a person nor anybody's words."""

from django.conf import settings
from django.db import migrations

VIEW = """
create view flag_decision as
    select s.case_id as flag_id, s.number as n_step, s.at at time zone %s as decided_at,
        c.area_code, c.rule_code, c.since as since_on, c.raised_on,
        nullif(s.from_state, '') as from_state_code, s.to_state as to_state_code, s.reason_code,
        s.by_id is null as is_by_system, s.evidence <> '' as has_evidence, s.merged_into_id as merged_into_flag_id
    from desk_step as s
    inner join desk_case as c on c.flag_id = s.case_id;
do $$ begin
    if to_regrole('mart_reader') is not null then
        grant select on flag_decision to mart_reader;
    end if;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("desk", "0002_append_only")]

    operations = [migrations.RunSQL([(VIEW, [settings.TIME_ZONE])])]
