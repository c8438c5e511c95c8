"""WHAT WAS SEEN: the one row type, where rows are kept, and how they are read back."""
