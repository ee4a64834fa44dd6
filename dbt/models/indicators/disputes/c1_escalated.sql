with final as (
    select
        area_code,
        closed_on as day,
        'all' as stratum,
        count_if(escalated_to_code in ('police', 'court', 'petition')) as numerator,
        count(*) as denominator
    from {{ ref('dispute') }}
    where closed_on is not null
    group by area_code, closed_on
)

select * from final
