with violent as (
    select
        area_code,
        occurred_on as day,
        offence_code,
        -- a homicide counts as one death at least, whatever the form says
        if(offence_code = 'homicide', greatest(n_deaths, 1), n_deaths) as n_killed
    from {{ ref('police_case') }}
    where offence_code in ('homicide', 'robbery_rape', 'wounding_serious', 'wounding_minor')
),

-- A case is counted once: by its dead, or if nobody died as one offence. Its injured are not counted beside
-- it: the weight of a robbery or a wounding already is that of the harm done.
final as (
    select
        area_code,
        day,
        if(n_killed > 0, 'death', offence_code) as stratum,
        sum(if(n_killed > 0, n_killed, 1)) as numerator,
        cast(null as bigint) as denominator
    from violent
    group by area_code, day, if(n_killed > 0, 'death', offence_code)
)

select * from final
