"""The commands, a file for what a user is about. Each imports its study inside the function."""
