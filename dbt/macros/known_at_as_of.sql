{#- The rows of a silver table as they were known at var('as_of') in var('city_code'): one version a record,
    the one valid at that instant; a record whose version then says "deleted" is absent.
    A row of a source of counts becomes as many rows as it counts, numbered in their record_id: whoever reads them
    need not know it. -#}
{% macro known_at_as_of(relation) -%}
    select
        * except (record_id, n_events, event_number),
        if(n_events is null, record_id, concat_ws('|', record_id, event_number + 1)) as record_id
    from {{ relation }}
    lateral view posexplode(array_repeat(0, coalesce(n_events, 1))) as event_number, nothing
    where
        city_code = '{{ var("city_code") }}'
        and known_from <= timestamp '{{ var("as_of") }}'
        and (known_to is null or known_to > timestamp '{{ var("as_of") }}')
        and not is_deleted
        {%- if var("context_feeds") %}
        and feed_code not in ('{{ var("context_feeds") | join("', '") }}')
        {%- endif %}
{%- endmacro %}
