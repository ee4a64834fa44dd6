with final as (
    select
        area_code,
        due_on as day,
        'all' as stratum,
        count_if(closed_at is null or closed_at > due_at) as numerator,
        count(*) as denominator
    from {{ ref('hotline_order') }}
    where due_on is not null
    group by area_code, due_on
)

select * from final
