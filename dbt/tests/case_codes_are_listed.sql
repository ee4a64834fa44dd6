{{ config(severity='warn') }}

-- Cases that count nowhere because nobody has said where: add them to models/conformed/case_offence.sql.
with known as (
    {{ known_at_as_of(source('silver', 'case')) }}
),

final as (
    select
        known.case_code,
        count(*) as n_cases
    from known
    left join {{ ref('case_offence') }} as case_offence
        on known.case_code = case_offence.case_code
    where
        known.nature_code = 'criminal'
        and known.offence_code is null
        and case_offence.case_code is null
    group by known.case_code
)

select * from final
