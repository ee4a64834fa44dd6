with final as (
    select
        area_code,
        occurred_on as day,
        'all' as stratum,
        count(*) as numerator,
        cast(null as bigint) as denominator
    from {{ ref('police_case') }}
    where offence_code in ('public_order', 'gambling')
    group by area_code, occurred_on
)

select * from final
