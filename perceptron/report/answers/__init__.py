"""An answer in each place where it is shown: a terminal, JSON, a page, Markdown."""
