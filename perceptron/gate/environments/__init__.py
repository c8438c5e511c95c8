"""The environment of a side: its interpreter, and how the project is installed in it."""
