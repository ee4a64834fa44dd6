with accidents as (
    select *
    from {{ ref('incident') }}
    where family_code = 'work_safety'
),

casualties as (
    {{ casualties_by_stratum('accidents') }}
),

final as (
    select
        area_code,
        day,
        stratum,
        numerator,
        cast(null as bigint) as denominator
    from casualties
)

select * from final
