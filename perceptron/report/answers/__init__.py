"""An answer in a terminal and as Markdown; on a page: `dashboard.answers`, as JSON: `documents`."""
