{{ config(materialized='view') }}

-- All versions: who reads it says as of when. It changes once a month, and a view costs nothing to keep.
with final as (
    select
        city_code,
        feed_code,
        area_code,
        month_on,
        n_devices,
        n_posts,
        n_staff,
        n_connected_units,
        n_diaries_due,
        n_diaries_done,
        n_analyses_due,
        n_analyses_done,
        n_feedbacks_due,
        n_feedbacks_done,
        rolled_out_on,
        known_from,
        known_to
    from {{ source('silver', 'coverage') }}
    where not is_deleted
)

select * from final
