"""What Airflow runs: when, in what order, and what happens on failure. Everything else is in the steps."""
