"""What is compared: two revisions as trees on disk, and the suite and benchmarks in them."""
