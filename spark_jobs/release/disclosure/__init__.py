"""Disclosure control of the public monthly tables. Pure: no Spark, no clock.

disclosure.yml  rules.py   thresholds by class, and what else a cell must keep to be shown
suppression.py             which cells are hidden, and the pattern that the next month reuses
published.py               what the public files of a city say, read back as equations
attacker.py                what somebody who has all of these files can work out
"""
