"""PROCESSES: how one is started, watched and ended, how long it waits, and when this one began."""
