with crashes as (
    select *
    from {{ ref('incident') }}
    where family_code = 'traffic'
),

casualties as (
    {{ casualties_by_stratum('crashes') }}
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
