"""What `benchmarks.gateway` starts and measures."""
