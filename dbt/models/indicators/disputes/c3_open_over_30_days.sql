-- A stock, so every county has a row for every day from the first acceptance on. Instead of asking each day
-- for each dispute whether it was open, count who comes in and who leaves, and sum up.
with disputes as (
    select
        area_code,
        accepted_on,
        date_add(accepted_on, 31) as old_on,
        -- closed before it was accepted is a slip of the pen; it was never open
        if(closed_on < accepted_on, accepted_on, closed_on) as closed_on
    from {{ ref('dispute') }}
    -- an outcome without a day cannot be placed: such a dispute is not taken as open for ever
    where status_code = 'open' or closed_on is not null
),

movements as (
    select
        area_code,
        accepted_on as day,
        1 as n_open,
        0 as n_old
    from disputes
    union all
    select
        area_code,
        closed_on as day,
        -1 as n_open,
        if(closed_on > old_on, -1, 0) as n_old
    from disputes
    where closed_on is not null
    union all
    select
        area_code,
        old_on as day,
        0 as n_open,
        1 as n_old
    from disputes
    where closed_on is null or closed_on > old_on
),

movements_by_day as (
    select
        area_code,
        day,
        sum(n_open) as n_open,
        sum(n_old) as n_old
    from movements
    group by area_code, day
),

county_days as (
    -- of all counties that there ever were: an ended one keeps what it had open,
    -- which the index counts where it went
    select distinct
        area.area_code,
        calendar.day
    from {{ ref('area') }} as area
    cross join {{ ref('calendar') }} as calendar
    where
        area.city_code = '{{ var("city_code") }}'
        and area.level = 'county'
        and area.valid_from <= date '{{ var("business_date") }}'
        and calendar.day >= (select min(disputes.accepted_on) from disputes)
),

final as (
    select
        county_days.area_code,
        county_days.day,
        'all' as stratum,
        sum(coalesce(movements_by_day.n_old, 0)) over until_that_day as numerator,
        sum(coalesce(movements_by_day.n_open, 0)) over until_that_day as denominator
    from county_days
    left join movements_by_day
        on
            county_days.area_code = movements_by_day.area_code
            and county_days.day = movements_by_day.day
    window until_that_day as (
        partition by county_days.area_code order by county_days.day
    )
)

select * from final
