"""What PostgreSQL itself enforces: steps are only ever added, and cases stay. Also the views of the funnel."""

from django.db import migrations

from portal.desk.funnel import CASES, VIEW

APPEND_ONLY = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%: rows are only ever added; % is refused', tg_table_name, tg_op using errcode = 'restrict_violation';
end $$;
create trigger step_append_only before update or delete on desk_step for each row execute function refuse_change();
create trigger step_not_emptied before truncate on desk_step for each statement execute function refuse_change();
create trigger case_stays before delete on desk_case for each row execute function refuse_change();
create trigger case_not_emptied before truncate on desk_case for each statement execute function refuse_change();
"""
VIEWS = f"""
create view flag_clock as {CASES};
create view flag_funnel as {VIEW};
do $$ begin
    if to_regrole('mart_reader') is not null then
        execute format('grant usage on schema %I to mart_reader', current_schema());
        grant select on flag_clock, flag_funnel to mart_reader;
    end if;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("desk", "0001_initial")]

    operations = [migrations.RunSQL(APPEND_ONLY), migrations.RunSQL(VIEWS)]
