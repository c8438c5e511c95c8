"""Which backend learns first? A training to a target, from a cold start and warm."""
