{{ config(materialized='city_slice', partition_by='city_code') }}

-- indicator_ids() is rendered from the listing of this folder: a new indicator is one SQL file and its yml.
-- Settlement is counted with them, in the same commit, and read by nothing that scores.
with counts as (
    {% for indicator_id in indicator_ids() + ['settlement'] %}
    select
        '{{ indicator_id }}' as indicator_id,
        area_code,
        day,
        stratum,
        numerator,
        denominator
    from {{ ref(indicator_id) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

final as (
    select
        '{{ var("city_code") }}' as city_code,
        indicator_id,
        area_code,
        day,
        stratum,
        cast(numerator as double) as numerator,
        cast(denominator as double) as denominator
    from counts
    where day <= date '{{ var("business_date") }}'
)

select * from final
