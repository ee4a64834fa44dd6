with final as (
    select
        area_code,
        closed_on as day,
        'all' as stratum,
        count_if(not is_resolved) as numerator,
        count(*) as denominator
    from {{ ref('hotline_order') }}
    -- closed orders whose caller said whether the matter is solved; not asked is not "no"
    where closed_on is not null and is_resolved is not null
    group by area_code, closed_on
)

select * from final
