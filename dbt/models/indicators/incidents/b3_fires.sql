with fires as (
    select *
    from {{ ref('incident') }}
    where family_code = 'fire'
),

casualties as (
    {{ casualties_by_stratum('fires') }}
),

harms as (
    select
        area_code,
        day,
        stratum,
        numerator
    from casualties
    union all
    select
        area_code,
        occurred_on as day,
        'fire' as stratum,
        count(*) as numerator
    from fires
    group by area_code, occurred_on
),

final as (
    select
        area_code,
        day,
        stratum,
        numerator,
        cast(null as bigint) as denominator
    from harms
)

select * from final
