"""Everything that lives outside the service, on one machine: exchange, ML engine, databases, launcher."""
