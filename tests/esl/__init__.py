"""The language means what its manual says: scripts with expectations, run by a small host of their own."""
