"""asv's own pages beside ours."""
