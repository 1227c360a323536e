"""What can be looked up: views, stores, the writer, and the proof."""
