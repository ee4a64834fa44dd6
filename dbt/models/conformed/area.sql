{{ config(materialized='view') }}

with final as (
    select
        city_code,
        area_code,
        level,
        name_zh,
        name_en,
        parent_code,
        valid_from,
        valid_to,
        successor_code
    from {{ source('raw', 'area') }}
)

select * from final
