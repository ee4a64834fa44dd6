-- Looks back, not forward: a dispute is a repeat if its parties had one before, not if they will have one
-- again. So the latest 90 days are as complete as any others and no county improves by being recent.
with disputes as (
    select
        area_code,
        accepted_on,
        closed_on,
        lag(accepted_on) over earlier as previous_accepted_on,
        lag(closed_on) over earlier as previous_closed_on
    from {{ ref('dispute') }}
    -- without the pair of parties nobody can tell: unknown is not "no"
    where party_pair_pseudonym is not null
    window earlier as (
        partition by party_pair_pseudonym order by accepted_on, entered_at, record_id
    )
),

closed as (
    select
        area_code,
        closed_on as day,
        previous_accepted_on is not null
        and (previous_closed_on is null or accepted_on <= date_add(previous_closed_on, 90)) as is_repeated
    from disputes
    where closed_on is not null
),

final as (
    select
        area_code,
        day,
        'all' as stratum,
        count_if(is_repeated) as numerator,
        count(*) as denominator
    from closed
    group by area_code, day
)

select * from final
