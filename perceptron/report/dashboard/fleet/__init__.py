"""What machines answer: a table for each question, with rows for each machine."""
