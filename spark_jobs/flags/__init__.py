"""Risk flags: one module a rule, pure detectors, the assembly of a night's flags, and the job at the lake's edge."""
