"""What runs inside an arm's process. Standard library and asv_runner only."""
