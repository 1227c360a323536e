"""The ingest role: publishers in; spool, facts about sessions and published media out."""
