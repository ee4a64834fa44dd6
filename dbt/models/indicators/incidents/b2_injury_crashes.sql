with final as (
    select
        area_code,
        occurred_on as day,
        'all' as stratum,
        count(*) as numerator,
        cast(null as bigint) as denominator
    from {{ ref('incident') }}
    where
        family_code = 'traffic'
        and n_deaths + n_serious_injuries + n_minor_injuries > 0
    group by area_code, occurred_on
)

select * from final
