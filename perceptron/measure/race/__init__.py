"""A race: a fresh process that trains to a target, and who starts it."""
