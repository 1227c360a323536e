"""Views: pure functions from events to rows."""
