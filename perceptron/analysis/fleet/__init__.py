"""Many machines: what each answers, and which of them to take; never a ratio of two machines."""
