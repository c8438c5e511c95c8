"""The revisions as trees on disk, with the suite and the benchmarks in them."""
