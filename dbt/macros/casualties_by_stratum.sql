{#- Rows (area_code, occurred_on, n_deaths, n_serious_injuries, n_minor_injuries) -> people counted once each,
    in the stratum of the harm they suffered: area_code, day, stratum, numerator. -#}
{% macro casualties_by_stratum(relation) -%}
    select
        area_code,
        occurred_on as day,
        stratum,
        sum(n_people) as numerator
    from {{ relation }}
    unpivot (
        n_people for stratum in (
            n_deaths as death,
            n_serious_injuries as serious_injury,
            n_minor_injuries as minor_injury
        )
    )
    where n_people > 0
    group by area_code, occurred_on, stratum
{%- endmacro %}
