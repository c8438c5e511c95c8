"""Tables and sentences for a terminal, one file for each subject."""
