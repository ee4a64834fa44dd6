"""The index engine: pure functions on arrays. No Spark, no I/O but the methodology file."""
