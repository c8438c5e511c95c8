"""Lock, write, read: files stay whole however the process that writes them ends."""
