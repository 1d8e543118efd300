"""What the person at the terminal reads about the run as a whole."""

from collections.abc import Mapping
from pathlib import Path


def board(addresses: Mapping[str, str], data_dir: Path, seconds: float) -> str:
    """Return the table of what is up and where, and how to stop it.

    Args:
        addresses: What to show for each part, by its name; without secrets.
        data_dir: Where data and logs are.
        seconds: How long the start took.
    """
    rows = {
        **addresses,
        "data": str(data_dir),
        "logs": f"{data_dir}/logs/",
        "for a shell": f"set -a; . {data_dir}/environment; set +a",
    }
    width = max(map(len, rows)) + 2
    table = "\n".join(f"  {name:<{width}}{where}" for name, where in rows.items())
    return f"\nTrading Agents is ready ({seconds:.1f} s). Ctrl-C stops it.\n\n{table}\n"


def say(sentence: str) -> None:
    """Print at once, also into a pipe."""
    print(sentence, flush=True)
