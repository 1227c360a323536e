"""The studio: where a broadcaster looks after their channel and their broadcast."""
