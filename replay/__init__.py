"""The past once more: the agents' own decisions over recorded candles, at a simulated venue, on a virtual clock."""
