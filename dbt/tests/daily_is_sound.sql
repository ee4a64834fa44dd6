-- What the index relies on, judged in one pass over the rows of the city.
with counts as (
    select
        indicator_id,
        area_code,
        day,
        stratum,
        count(*) as n_rows,
        min(numerator) as numerator,
        min(denominator) as denominator
    from {{ ref('daily') }}
    where city_code = '{{ var("city_code") }}'
    group by indicator_id, area_code, day, stratum
),

areas as (
    select distinct area_code
    from {{ ref('area') }}
    where city_code = '{{ var("city_code") }}'
),

judged as (
    select
        counts.*,
        case
            when counts.day is null or counts.stratum is null then 'empty key'
            when counts.numerator is null then 'empty count'
            when counts.n_rows > 1 then 'more than one row for one key'
            when counts.numerator < 0 or counts.denominator < 0 then 'negative count'
            when counts.numerator > counts.denominator then 'numerator above denominator'
            when counts.day > date '{{ var("business_date") }}' then 'day after the business date '
            when areas.area_code is null then 'area not in conformed.area'
        end as fault
    from counts
    left join areas
        on counts.area_code = areas.area_code
),

final as (
    select *
    from judged
    where fault is not null
)

select * from final
