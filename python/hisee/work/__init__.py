"""Work and communication processes."""
