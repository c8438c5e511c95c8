"""Files that outlive whatever ends the process that writes them: locked, appended to, replaced."""
