{{ config(materialized='view') }}

with final as (
    select
        city_code,
        area_code,
        level,
        name_zh,
        name_en,
        parent_code,
        cast(valid_from as date) as valid_from,
        cast(valid_to as date) as valid_to
    from {{ source('raw', 'area') }}
)

select * from final
