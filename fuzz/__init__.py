"""Damaged inputs by the thousand: `make fuzz`."""
