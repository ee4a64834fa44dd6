-- Looks back, as c4_repeated_parties does: an order is a repeat if it takes up an older one that was still
-- open or had been closed for 30 days at most.
with orders as (
    select
        feed_code,
        record_id,
        area_code,
        called_on,
        closed_on,
        n_returns,
        previous_record_id
    from {{ ref('hotline_order') }}
),

closed as (
    select
        orders.area_code,
        orders.closed_on as day,
        coalesce(orders.n_returns, 0) > 0 as is_returned,
        older.record_id is not null
        and (older.closed_on is null or orders.called_on <= date_add(older.closed_on, 30)) as is_repeated
    from orders
    left join orders as older
        on
            orders.feed_code = older.feed_code
            and orders.previous_record_id = older.record_id
    where orders.closed_on is not null
),

final as (
    select
        area_code,
        day,
        'all' as stratum,
        count_if(is_returned or is_repeated) as numerator,
        count(*) as denominator
    from closed
    group by area_code, day
)

select * from final
