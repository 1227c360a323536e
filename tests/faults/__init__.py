"""Chaos as a test: seeded faults under load, then every log against what it must hold."""
