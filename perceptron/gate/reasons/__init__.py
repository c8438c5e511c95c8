"""The reasons of a change: functions in which a benchmark does more or less work."""
