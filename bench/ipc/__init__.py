"""Programs of the benchmarks `ring` and `channel`: two processes that talk over one transport."""
