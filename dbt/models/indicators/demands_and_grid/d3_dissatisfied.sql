with final as (
    select
        area_code,
        closed_on as day,
        'all' as stratum,
        count_if(satisfaction_code = 'dissatisfied') as numerator,
        count(*) as denominator
    from {{ ref('hotline_order') }}
    where closed_on is not null and satisfaction_code is not null
    group by area_code, closed_on
)

select * from final
