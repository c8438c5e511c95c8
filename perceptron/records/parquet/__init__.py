"""All rows as Parquet, for whoever asks them with other tools."""
