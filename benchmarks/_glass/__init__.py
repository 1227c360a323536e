"""Parts of `benchmarks.glass_to_glass`: the servers compared, and the browser that watches."""
