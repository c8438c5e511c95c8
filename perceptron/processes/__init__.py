"""PROCESSES: how one starts, is watched and ends, times a loop, waits, and when this one began."""
