with known as (
    {{ known_at_as_of(source('silver', 'dispute')) }}
),

-- One quarrel is one dispute: three hundred tenants against one mall are registered as a parent and its
-- children. It counts once, as its parent, or as its first child while the parent is not known; n_children
-- says the three hundred. What has been entered but not yet accepted waits.
registered as (
    select
        *,
        count(parent_record_id) over (
            partition by feed_code, coalesce(parent_record_id, record_id)
        ) as n_children,
        row_number() over (
            partition by feed_code, coalesce(parent_record_id, record_id)
            order by parent_record_id nulls first, accepted_on, record_id
        ) as place_in_quarrel
    from known
    where accepted_on is not null
),

-- A dispute taken up again is open, whatever its old closing day.
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
        party_pair_pseudonym,
        n_children
    from registered
    where place_in_quarrel = 1
)

select * from final
