with areas as (
    select
        area_code,
        level,
        parent_code,
        valid_from,
        valid_to,
        lead(valid_from) over (
            partition by area_code order by valid_from
        ) as next_valid_from
    from {{ ref('area') }}
    where city_code = '{{ var("city_code") }}'
),

codes as (
    select distinct area_code
    from areas
),

judged as (
    select
        areas.*,
        case
            when areas.valid_from is null then 'no first day'
            when areas.valid_to <= areas.valid_from then 'ends before it begins'
            when areas.next_valid_from < coalesce(areas.valid_to, '9999-12-31') then 'two rows valid at once'
            when areas.level != 'city' and codes.area_code is null then 'parent missing'
        end as fault
    from areas
    left join codes
        on areas.parent_code = codes.area_code
),

final as (
    select *
    from judged
    where fault is not null
)

select * from final
