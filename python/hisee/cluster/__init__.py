"""Several computers, one system: its certification authority, and handing certificate and secret to a computer that joins."""
