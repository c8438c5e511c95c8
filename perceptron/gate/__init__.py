"""What changed: two revisions compared, block by block."""
