"""HOW LONG it takes: calibrated, synchronised, in fresh processes; and on what machine."""
