"""What a run of the fuzzer did, counted from the events it reports."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Counts:
    """Requests by phase and by status of the answer, and checks by name and outcome."""

    phases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """All of them."""
        return self.phases.total()

    def add(self, report: Path) -> None:
        """Count a report, one JSON event per line."""
        with report.open(encoding="utf-8") as lines:
            for line in lines:
                scenario = json.loads(line).get("ScenarioFinished")
                if scenario is not None:
                    self._add_scenario(scenario["phase"], scenario["recorder"])

    def _add_scenario(self, phase: str, recorded: dict[str, Any]) -> None:
        interactions = recorded.get("interactions", {}).values()
        self.phases[phase] += len(interactions)
        for interaction in interactions:
            response = interaction.get("response")
            self.statuses[str(response["status_code"]) if response else "none"] += 1
        for checks in recorded.get("checks", {}).values():
            for check in checks:
                outcome = self.checks if check["status"] == "success" else self.failures
                outcome[check["name"]] += 1

    def table(self) -> str:
        """For people."""
        lines = [f"{self.requests} requests"]
        for title, counted in (("phase", self.phases), ("answer", self.statuses), ("check", self.checks)):
            lines += [f"  {title:<7}{name:<34}{number:>8}" for name, number in sorted(counted.items())]
        lines += [f"  FAILED {name:<34}{number:>8}" for name, number in sorted(self.failures.items())]
        return "\n".join(lines)
