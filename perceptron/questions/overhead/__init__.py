"""Where one iteration's time goes: the ladder, iteration phases and the roofline."""
