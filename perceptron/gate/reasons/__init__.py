"""Why a benchmark changed: the functions in which it does more."""
