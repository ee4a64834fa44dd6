with final as (
    select
        area_code,
        deadline_on as day,
        'all' as stratum,
        count(*) as numerator,
        cast(null as bigint) as denominator
    from {{ ref('incident') }}
    where
        family_code = 'grid'
        -- the deadline is a day: it passes when that day ends
        and (closed_on is null or closed_on > deadline_on)
        and deadline_on is not null
    group by area_code, deadline_on
)

select * from final
