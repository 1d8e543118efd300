"""Real PostgreSQL and Redis servers that run from Python packages: nothing to install, no root needed."""

from sandbox.embedded.postgres import EmbeddedPostgres
from sandbox.embedded.redis import EmbeddedRedis
from sandbox.embedded.server import ServerError

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "ServerError"]
