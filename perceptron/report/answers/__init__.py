"""An answer in a terminal, as JSON and as Markdown; on a page: `dashboard.answers`."""
