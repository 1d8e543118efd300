"""A play exchange that speaks enough of the Binance Spot REST API for unmodified client libraries.

Rules, codes and messages follow Binance's public Spot API documentation; where it is silent, the module says what
was chosen. Run it with ``python -m sandbox.exchange --port 9001 --data DIR``.
"""
