"""Risk flags: pure detectors, the assembly of a night's flags, and the job that reads and writes the lake."""

# Rules that a night raises; methodology.yml holds thresholds of others too, whose detectors wait for their data.
IN_FORCE = ("F1b", "F4", "F9")
