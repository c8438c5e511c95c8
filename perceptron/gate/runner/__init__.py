"""The code inside a side's process: the standard library, asv_runner and pytest only.

It runs from Python 3.9 up. `program` is started by its path and loads the others as a package of
another name: so they import one another relatively, and from this package only the timed loop and
the wait meter in `processes`, which need the standard library alone.
"""
