{{ config(materialized='view') }}

with final as (
    select
        city_code,
        area_code,
        denominator_code,
        valid_from,
        valid_to,
        value,
        quality_code
    from {{ source('raw', 'denominator') }}
)

select * from final
