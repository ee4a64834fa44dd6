{{ config(materialized='view') }}

with final as (
    select
        city_code,
        area_code,
        measure,
        cast(valid_from as date) as valid_from,
        cast(valid_to as date) as valid_to,
        cast(value as double) as value,
        quality_code
    from {{ source('raw', 'denominator') }}
)

select * from final
