"""Fixtures shared by all tests: addresses of real servers, unique names."""
