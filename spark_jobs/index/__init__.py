"""The index engine: pure functions on arrays. No Spark, no I/O but the methodology file.

docs/engine.md lists every function with its source and the test that holds it to published figures.
"""
