"""The book: everything that money or promise depends on, in PostgreSQL."""
