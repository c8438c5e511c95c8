"""What the runs say: replayed, judged again, judged by other tools' rules, counted."""
