"""A demo ML engine: the platform's three signal routes over a simple, real momentum model."""
