with known as (
    {{ known_at_as_of(source('silver', 'case')) }}
),

mapped as (
    select
        known.*,
        case_offence.offence_code as listed_code,
        coalesce(
            case_offence.offence_code in ('homicide', 'robbery_rape', 'wounding'), false
        ) as is_violent
    from known
    left join {{ ref('case_offence') }} as case_offence
        on known.case_code = case_offence.case_code
),

-- First that applies: what the feed's contract says; a public-order case is one whatever its code; the
-- telecom-fraud tag; violence keeps its code; the oil tag makes a case a property crime (oil is stolen under
-- many codes); the gambling tag; then the list of codes. No case falls into two groups.
classified as (
    select
        *,
        case
            when offence_code is not null then offence_code
            when nature_code = 'public_order'
                then if(coalesce(is_gambling, false), 'gambling', 'public_order')
            when is_telecom_fraud then 'telecom_fraud'
            when is_violent then listed_code
            when is_oil then 'theft_fraud'
            when is_gambling then 'gambling'
            else coalesce(listed_code, 'other')
        end as group_code
    from mapped
),

-- What the code alone does not say: how grave a wounding was, and whether the amount was huge (数额特别巨大).
final as (
    select
        feed_code,
        record_id,
        area_code,
        occurred_on,
        case
            when group_code = 'wounding'
                then if(coalesce(n_serious_injuries, 0) > 0, 'wounding_serious', 'wounding_minor')
            when group_code = 'theft_fraud' and offence_code is null and amount_yuan >= 500000
                then 'theft_fraud_huge'
            else group_code
        end as offence_code,
        coalesce(n_deaths, 0) as n_deaths
    from classified
)

select * from final
