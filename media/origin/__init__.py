"""Playlists and media over HTTP, folded from the log."""
