"""The same work, done by each contender: one runnable module a contender."""
