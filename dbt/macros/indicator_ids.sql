{#- Rendered by `python dbt/render.py` from models/indicators/<domain>/<id>.sql. Do not edit. -#}
{% macro indicator_ids() %}
    {{ return([
        'a1_violent_crime',
        'a2_property_crime',
        'a3_telecom_fraud',
        'a4_public_order',
        'b1_road_casualties',
        'b2_injury_crashes',
        'b3_fires',
        'b4_work_safety',
        'c1_escalated',
        'c2_failed',
        'c3_open_over_30_days',
        'c4_repeated_parties',
        'd1_unresolved',
        'd2_late',
        'd3_dissatisfied',
        'd4_returned_or_repeated',
        'd5_grid_overdue',
    ]) }}
{% endmacro %}
