with denominators as (
    select
        area_code,
        denominator_code,
        valid_from,
        valid_to,
        value,
        lead(valid_from) over (
            partition by area_code, denominator_code order by valid_from
        ) as next_valid_from
    from {{ ref('denominator') }}
    where city_code = '{{ var("city_code") }}'
),

areas as (
    select distinct
        area_code,
        parent_code
    from {{ ref('area') }}
    where city_code = '{{ var("city_code") }}'
),

judged as (
    select
        denominators.area_code,
        denominators.denominator_code,
        denominators.valid_from,
        denominators.value,
        case
            when areas.area_code is null then 'area not in conformed.area'
            when denominators.valid_from is null then 'no first day'
            when denominators.value is null or denominators.value <= 0 then 'not above zero'
            when denominators.valid_to <= denominators.valid_from then 'ends before it begins'
            when denominators.next_valid_from < coalesce(denominators.valid_to, '9999-12-31')
                then 'two rows valid at once'
        end as fault
    from denominators
    left join areas
        on denominators.area_code = areas.area_code
),

children as (
    select
        areas.parent_code as area_code,
        denominators.denominator_code,
        denominators.valid_from,
        sum(denominators.value) as value
    from denominators
    inner join areas
        on denominators.area_code = areas.area_code
    group by areas.parent_code, denominators.denominator_code, denominators.valid_from
),

-- rounded and estimated county figures need not add up to the last person
unequal_sums as (
    select
        denominators.area_code,
        denominators.denominator_code,
        denominators.valid_from,
        denominators.value,
        concat('differs by more than 1 % from the sum of its parts, ', children.value) as fault
    from denominators
    inner join children
        on
            denominators.area_code = children.area_code
            and denominators.denominator_code = children.denominator_code
            and denominators.valid_from = children.valid_from
    where abs(children.value - denominators.value) > 0.01 * denominators.value
),

final as (
    select *
    from judged
    where fault is not null
    union all
    select *
    from unequal_sums
)

select * from final
