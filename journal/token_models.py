"""The table of the tokens that callers of the control API hold."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from journal.tables import Base, BigId, Now


class ApiToken(Base):
    """One secret of a named caller; the secret itself is nowhere, ``digest`` is its SHA-256.

    A slow hash would add nothing: a secret is 256 random bits, and no dictionary holds those. While a token is being
    rotated, its name has two rows. The row stays when the token has ended.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint("scope IN ('read', 'trade', 'admin')", name="scope"),
        CheckConstraint("length(digest) = 32", name="digest_is_sha256"),
        Index(None, "name"),
    )

    id: Mapped[BigId]
    name: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scope: Mapped[str]
    created_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
