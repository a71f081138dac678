"""One module a benchmark: `run(options) -> Report`; its first docstring line is its help text."""
