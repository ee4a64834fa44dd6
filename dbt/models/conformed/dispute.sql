with known as (
    {{ known_at_as_of(source('silver', 'dispute')) }}
),

-- One quarrel is one dispute: three hundred tenants against one mall are registered as a parent and its
-- children, and count once, as the parent. A dispute taken up again is open, whatever its old closing day.
final as (
    select
        feed_code,
        record_id,
        area_code,
        accepted_on,
        entered_at,
        status_code,
        case when status_code != 'open' then closed_on end as closed_on,
        is_breached,
        escalated_to_code,
        party_pair_pseudonym
    from known
    where parent_record_id is null
)

select * from final
