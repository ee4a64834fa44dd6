{#- A Delta table partitioned by city_code in which a run replaces the rows of its own city, in one commit.
    dbt-spark's own strategies either keep rows that have vanished (merge) or leave an emptied partition
    as it was (insert_overwrite). After a change of columns run once with --full-refresh for every city. -#}
{% materialization city_slice, adapter='spark' %}
    {%- set existing = load_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {%- if existing is none or should_full_refresh() -%}
            {{ create_table_as(false, this, compiled_code) }}
        {%- else -%}
            insert into {{ this }} replace where city_code = '{{ var("city_code") }}'
            {{ compiled_code }}
        {%- endif -%}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this]}) }}
{% endmaterialization %}
