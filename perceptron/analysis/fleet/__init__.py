"""Many machines: what each answers by itself; never a ratio of two machines."""
