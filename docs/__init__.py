"""The documentation; `build` fills in what comes from results."""
