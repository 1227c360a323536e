"""Who hears whom: one `register` a context."""
