"""What runs inside a side's process: the standard library, asv_runner and pytest only.

From Python 3.9 up. `program` is started by its path and loads the others as a package of another
name: so they import one another relatively, and of this package no more than the timed loop and the
meter of waiting in `processes`, which need the standard library alone.
"""
