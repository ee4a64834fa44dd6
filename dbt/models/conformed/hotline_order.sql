with known as (
    {{ known_at_as_of(source('silver', 'hotline')) }}
),

-- A merged order lives on in the order that it was merged into. A reopened order keeps its old closing time
-- in some systems: it is closed only if its status says so.
orders as (
    select
        *,
        case when status_code = 'closed' then closed_at end as outcome_at,
        coalesce(extended_deadline_at, deadline_at) as due_at
    from known
    where status_code != 'merged'
),

final as (
    select
        feed_code,
        record_id,
        area_code,
        called_on,
        due_at,
        {{ local_day('due_at') }} as due_on,
        outcome_at as closed_at,
        {{ local_day('outcome_at') }} as closed_on,
        is_resolved,
        satisfaction_code,
        n_returns,
        previous_record_id
    from orders
)

select * from final
