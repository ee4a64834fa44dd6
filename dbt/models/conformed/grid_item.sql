{{ config(materialized='view') }}

with final as (
    select
        city_code,
        item_code,
        name_zh,
        domain_code,
        domain_zh,
        valid_from,
        valid_to
    from {{ source('raw', 'grid_item') }}
)

select * from final
