-- Shown beside the index and never scored: what has become of the disputes accepted on a day, as known now.
-- One of which the source does not say what became of it can be counted neither as settled nor as open.
with final as (
    select
        area_code,
        accepted_on as day,
        status_code as stratum,
        count(*) as numerator,
        cast(null as bigint) as denominator
    from {{ ref('dispute') }}
    where accepted_on is not null and status_code is not null
    group by area_code, accepted_on, status_code
)

select * from final
