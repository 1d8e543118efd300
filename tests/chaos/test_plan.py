"""The suite's own promises: a seed says it all, and whatever is planned can be done."""

from tests.chaos.actions import HANDLERS
from tests.chaos.plan import DISASTERS, DUPLICATES, FAULTS, plan
from tests.chaos.report import table
from tests.chaos.run import Result


def test_the_same_seed_gives_the_same_run() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_everything_that_is_planned_can_be_done() -> None:
    planned = {action.kind for seed in range(300) for action in plan(seed).actions}
    assert planned == HANDLERS.keys()
    assert {*DISASTERS, *DUPLICATES} <= planned


def test_every_fault_is_met_within_a_few_hundred_runs() -> None:
    assert {fault.name for seed in range(300) for fault in plan(seed).faults} == FAULTS.keys()


def test_a_breach_stands_in_the_table_under_everything_that_went_wrong_in_its_run() -> None:
    broken = next(plan(seed) for seed in range(100) if "FLUSHALL" in plan(seed).ingredients)
    said = table([Result(broken, breaches=["an order too many"])])
    (row,) = [line for line in said.splitlines() if line.startswith("| FLUSHALL ")]
    assert row.split("|")[2:5] == ["    1 ", "     0 ", "        1 "]
    assert f"1 runs, 1 with a breach: seeds {broken.seed}" in said
