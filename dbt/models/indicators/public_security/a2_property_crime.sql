with final as (
    select
        area_code,
        occurred_on as day,
        offence_code as stratum,
        count(*) as numerator,
        cast(null as bigint) as denominator
    from {{ ref('police_case') }}
    where offence_code in ('theft_fraud', 'theft_fraud_huge')
    group by area_code, occurred_on, offence_code
)

select * from final
