{{ config(materialized='view') }}

with final as (
    select
        city_code,
        area_code,
        unit_code,
        part_code,
        basis_code,
        valid_from,
        valid_to,
        n,
        quality_code
    from {{ source('raw', 'area_count') }}
)

select * from final
