"""Slow campaigns: each proves a promise with the full count by `./hisee campaign NAME`; a slice of it runs in the tests."""
