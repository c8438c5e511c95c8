"""asv's own pages beside ours, and the plug-in that links the two."""
