"""PROCESSES: start, supervise and end them; time a loop in one and how long its threads wait."""
