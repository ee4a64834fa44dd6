{#- The rows of a silver table as they were known at var('as_of') in var('city_code'): one version a record,
    the one valid at that instant; a record whose version then says "deleted" is absent. -#}
{% macro known_at_as_of(relation) -%}
    select *
    from {{ relation }}
    where
        city_code = '{{ var("city_code") }}'
        and known_from <= timestamp '{{ var("as_of") }}'
        and (known_to is null or known_to > timestamp '{{ var("as_of") }}')
        and not is_deleted
        {%- if var("context_feeds") %}
        and feed_code not in ('{{ var("context_feeds") | join("', '") }}')
        {%- endif %}
{%- endmacro %}
