"""One lock, one append, one replace: files stay whole however the process that writes them ends."""
