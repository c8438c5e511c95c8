"""What the runs say: replayed, rejudged, judged by other tools' rules, counted."""
