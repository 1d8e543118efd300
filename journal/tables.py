"""Building blocks of the book's tables: base class, column types and the two schemas."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, MetaData, Numeric, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

SCHEMA = "trading"
"""Everything of ours."""
OUTWARD_SCHEMA = "investment"
"""The two tables the platform reads, which it may already own."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables; every table lives in schema ``trading``, and no number of it is NaN."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        int: BigInteger,
        Decimal: Numeric(38, 18),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - the library's own arguments
        """Add the check for NaN, which PostgreSQL holds to be above every number."""
        super().__init_subclass__(**options)
        columns = [column.name for column in cls.__table__.columns if isinstance(column.type, Numeric)]
        if columns and isinstance(cls.__table__, Table):
            condition = " AND ".join(f"{name} <> 'NaN'" for name in columns)
            cls.__table__.append_constraint(CheckConstraint(condition, name="numbers"))


BigId = Annotated[int, mapped_column(Identity(always=True), primary_key=True)]
"""A key the database counts."""
Amount = Annotated[Decimal, mapped_column(Numeric(38, 18), server_default="0")]
"""Money or a quantity, zero unless said otherwise."""
Now = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
"""The time the row was written."""
