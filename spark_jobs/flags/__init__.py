"""Risk flags: one module a rule, pure detectors, the assembly of a night's flags, the job at the lake's edge, and the
door to the portal's desk.
"""
