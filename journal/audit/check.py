"""What a check of the book is, and how one statement's rows become a line of figures."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.model import plain

EXAMPLES = 5
"""So many of the subjects that breach a rule are named, the worst first."""

SUMMARY = """
SELECT count(*) AS rows, count(*) FILTER (WHERE wrong) AS breaches, coalesce(max(difference), 0) AS worst,
       coalesce((array_agg(subject ORDER BY difference DESC NULLS FIRST, subject) FILTER (WHERE wrong))[1:{examples}],
                '{{}}') AS examples
FROM (
    SELECT subject, abs(actual - expected) AS difference, actual IS DISTINCT FROM expected AS wrong
    FROM ({statement}) AS checked
) AS judged
"""

WRONG = """
SELECT subject, expected, actual, coalesce(abs(actual - expected), 0) AS size
FROM ({statement}) AS checked WHERE actual IS DISTINCT FROM expected
ORDER BY size DESC, subject LIMIT {most}
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of the book.

    ``statement`` selects ``subject`` (text), ``expected`` and ``actual`` (numbers) for everything the
    rule applies to; the rule is kept where both are the same. It may use ``:since``, the last order
    that needs no look any more, by agent, as a JSON object.
    """

    code: str
    promise: str
    statement: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``worst`` is the largest difference, ``examples`` name the worst offenders."""

    code: str
    promise: str
    rows: int
    breaches: int
    worst: Decimal
    examples: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the rule is kept everywhere."""
        return self.breaches == 0

    def __str__(self) -> str:
        """One aligned line."""
        verdict = "ok" if self.ok else "BREACH"
        line = f"{verdict:<7}{self.code:<34}{self.rows:>10} checked{self.breaches:>8} wrong   worst {plain(self.worst)}"
        return line if self.ok else f"{line}   {', '.join(self.examples)}: {self.promise}"


def run(session: Session, check: Check) -> Finding:
    """Apply one rule to the whole book."""
    statement = SUMMARY.format(statement=check.statement, examples=EXAMPLES)
    parameters = {"since": "{}"} if ":since" in check.statement else {}
    row = session.execute(text(statement), parameters).one()
    return Finding(check.code, check.promise, row.rows, row.breaches, Decimal(row.worst), tuple(row.examples))
