"""Makes renditions of a stream from the parts of its source."""
