"""The front door: command line and bootstrap (which role runs what)."""
