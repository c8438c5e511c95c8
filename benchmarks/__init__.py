"""What asv and pytest-benchmark measure, both from `cases`."""
