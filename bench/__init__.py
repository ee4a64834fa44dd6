"""Measurements of whole commands; speed is never asserted in tests."""
