"""What becomes of personal values after they have come in: erased on request, or brought to a new key."""
