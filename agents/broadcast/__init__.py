"""Streams: from publisher sessions to what is on air."""
