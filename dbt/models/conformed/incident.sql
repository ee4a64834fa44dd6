with known as (
    {{ known_at_as_of(source('silver', 'incident')) }}
),

final as (
    select
        feed_code,
        record_id,
        area_code,
        family_code,
        occurred_on,
        coalesce(n_deaths, 0) as n_deaths,
        coalesce(n_serious_injuries, 0) as n_serious_injuries,
        coalesce(n_minor_injuries, 0) as n_minor_injuries,
        deadline_on,
        case when status_code = 'closed' then closed_on end as closed_on
    from known
)

select * from final
