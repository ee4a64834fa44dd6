{#- The city's calendar day of a UTC instant. The session runs in UTC (profiles.yml), so the cast does not move it. -#}
{% macro local_day(instant) -%}
    cast(from_utc_timestamp({{ instant }}, '{{ var("time_zone") }}') as date)
{%- endmacro %}
