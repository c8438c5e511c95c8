"""One file for each command, named as the command. Each imports its study inside the function."""
