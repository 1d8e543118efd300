"""What to trade and for whom: pure decisions, standard library only, no I/O, Decimal everywhere."""
