with final as (
    select
        area_code,
        occurred_on as day,
        'all' as stratum,
        count(*) as numerator,
        cast(null as bigint) as denominator
    from {{ ref('police_case') }}
    where offence_code = 'telecom_fraud'
    group by area_code, occurred_on
)

select * from final
