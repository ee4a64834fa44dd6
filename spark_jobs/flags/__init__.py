"""Risk flags: pure detectors, the assembly of a night's flags, and the job that reads and writes the lake."""
