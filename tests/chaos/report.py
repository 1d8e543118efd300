"""What people read: a line for each run, a table for all of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from journal.audit import Finding
from runtime.failpoints import POINTS
from tests.chaos.plan import DISASTERS, DUPLICATES, FAULTS
from tests.chaos.run import Result


def line(result: Result, number: int, total: int) -> str:
    """One finished run."""
    counts = result.counts
    head = (
        f"[{number}/{total}] seed {result.plan.seed}: {'BREACH' if result.breaches else 'ok'} in {result.seconds:.0f} s"
    )
    figures = f"{counts['orders']} orders, {counts['legs']} legs, {counts['unknown']} unknown, back in {result.recovery_seconds:.0f} s"
    trouble = ", ".join(sorted(result.plan.ingredients)) or "no trouble"
    return "\n    ".join([f"{head}; {figures}; {trouble}", *result.breaches])


def table(results: Sequence[Result]) -> str:
    """Every crash point and fault with its runs and their outcome, and sums of what was met."""
    runs: dict[str, int] = Counter()
    broken: dict[str, int] = Counter()
    for result in results:
        for name in result.plan.ingredients:
            runs[name] += 1
            broken[name] += bool(result.breaches)
    counts = sum((result.counts for result in results), Counter())
    rows = [("crash point or fault", "runs", "times", "breaches")]
    for name in (*(f"dies at {point}" for point in POINTS), *DISASTERS, *DUPLICATES, *FAULTS):
        times = counts[name.replace("dies at", "died at")]
        rows.append((name, str(runs[name]), str(times), str(broken[name])))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| "
        + row[0].ljust(widths[0])
        + " | "
        + " | ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        + " |"
        for row in rows
    ]
    lines.insert(
        1, "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    )
    return "\n".join(["", *lines, "", *_audit(results), "", _sums(results, counts)])


def _audit(results: Sequence[Result]) -> list[str]:
    """The audit of all runs together: a line for each rule."""
    totals: dict[str, Finding] = {}
    for finding in (finding for result in results for finding in result.audit):
        known = totals.get(finding.code, replace(finding, rows=0, breaches=0))
        totals[finding.code] = replace(
            finding,
            rows=known.rows + finding.rows,
            breaches=known.breaches + finding.breaches,
            worst=max(known.worst, finding.worst),
        )
    return [str(finding) for finding in totals.values()]


def _sums(results: Sequence[Result], counts: "Counter[str]") -> str:
    failed = [str(result.plan.seed) for result in results if result.breaches]
    made = ", ".join(f"{counts[name]} {name}" for name in ("fills", "legs", "trades", "decisions", "flows"))
    slowest = max((result.recovery_seconds for result in results), default=0)
    return "\n".join(
        [
            f"{len(results)} runs, {len(failed)} with a breach{': seeds ' + ', '.join(failed) if failed else ''}",
            f"{counts['orders']} orders ({_by(counts, 'order ')}), {made}",
            f"decisions: {_by(counts, 'decided ')}",
            f"{counts['unknown']} outcomes unknown, {counts['looked up']} look-ups answered",
            f"{counts['messages sent again']} messages sent again, {_kills(counts)} kills",
            f"all agents back after {slowest:.1f} s at the most",
        ]
    )


def _by(counts: "Counter[str]", prefix: str) -> str:
    found = {name.removeprefix(prefix): count for name, count in counts.items() if name.startswith(prefix)}
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))


def _kills(counts: "Counter[str]") -> int:
    by_suite = sum(count for name, count in counts.items() if name.startswith("kill "))
    return by_suite + sum(count for name, count in counts.items() if name.startswith("died at "))
