"""Wiring: settings from the environment, and the one place that builds concretes."""
