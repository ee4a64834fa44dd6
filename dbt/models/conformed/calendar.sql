-- Every day up to the business date; who uses it says from when.
with final as (
    select explode(sequence(date '2000-01-01', date '{{ var("business_date") }}')) as day
)

select * from final
