"""Why a benchmark changed: the functions in which it does more, and the commit that did it."""
