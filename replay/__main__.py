"""Commands: ``python -m replay run`` over a candle file, ``python -m replay candles`` to make one."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from agents.errors import InvalidInputError, TradingError
from agents.profile_file import parse_profiles
from agents.profiles import PROFILES, RiskProfile
from replay.candles import Bar, count_candles, read_bars
from replay.engine import Replay
from replay.generator import START_PRICES, write_candles
from replay.markets import MARKETS
from replay.momentum import Momentum
from replay.report import report
from replay.signals import RecordedSignals, SignalSource
from runtime.picture import equity_picture

_STEP = 1000
"""Candles between two movements of the progress bar."""
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def _in_a_folder(_context: click.Context, _parameter: click.Parameter, path: Path) -> Path:
    """Refuse to write where there is no folder, before the work and not after it."""
    if not path.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}")
    return path


@click.group()
def main() -> None:
    """Replay an agent over recorded candles."""


@main.command()
@click.option(
    "--candles", type=_EXISTING, required=True, help="symbol,open_time,open,high,low,close,volume in order of time"
)
@click.option("--agent", required=True, help="whose profile decides")
@click.option(
    "--signals", type=_EXISTING, help="time,symbol,action,confidence,price; without it the built-in momentum model"
)
@click.option("--seed", default=1, show_default=True, help="decides how deep the market is at each order")
@click.option(
    "--accounts", default="10000", show_default=True, help="what each account begins with, separated by commas"
)
@click.option(
    "--picture",
    type=_FILE,
    callback=_in_a_folder,
    default="replay.svg",
    show_default=True,
    help="where the equity picture goes",
)
@click.option("--profiles", type=_EXISTING, help="a file with further agents")
def run(  # one parameter per option
    *, candles: Path, agent: str, signals: Path | None, seed: int, accounts: str, picture: Path, profiles: Path | None
) -> None:
    """Replay AGENT over CANDLES: tables on standard output, progress on standard error."""
    try:
        profile, deposits = _profile(agent, profiles), _deposits(accounts)
        source: SignalSource = RecordedSignals(signals) if signals else Momentum()
        replay = Replay(profile, MARKETS, deposits, seed)
        replay.run(_with_progress(candles), source)
    except TradingError as error:
        raise click.ClickException(str(error)) from error
    described = str(signals) if signals else "momentum of the candles (see replay/momentum.py)"
    click.echo(report(replay, profile, deposits, described), nl=False)
    picture.write_text(
        equity_picture(replay.history.equity, f"Replay of {agent} over {candles.name}"), encoding="utf-8"
    )
    click.echo(f"Picture: {picture}", err=True)


@main.command(name="candles")
@click.argument("file", type=_FILE, callback=_in_a_folder)
@click.option("--symbols", default=5, show_default=True, type=click.IntRange(1, len(START_PRICES)))
@click.option("--minutes", default=5, show_default=True, type=click.IntRange(1, 1440), help="length of a candle")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3660))
@click.option("--seed", default=1, show_default=True)
def make_candles(file: Path, *, symbols: int, minutes: int, days: int, seed: int) -> None:
    """Write made-up candles from 2025-01-01 on to FILE, the same for the same SEED."""
    length = timedelta(minutes=minutes)
    count = timedelta(days=days) // length
    write_candles(file, list(START_PRICES)[:symbols], datetime(2025, 1, 1, tzinfo=UTC), length, count, seed)
    click.echo(f"{file}: {symbols * count:,} candles", err=True)


def _profile(agent: str, file: Path | None) -> RiskProfile:
    known = dict(PROFILES)
    if file:
        known |= parse_profiles(file.read_text(encoding="utf-8"))
    if agent not in known:
        raise InvalidInputError("--agent", f"must be one of {', '.join(known)}")
    return known[agent]


def _deposits(text: str) -> list[Decimal]:
    try:
        deposits = [Decimal(each) for each in text.split(",")]
    except InvalidOperation:
        deposits = []
    if not deposits or not all(deposit.is_finite() and deposit > 0 for deposit in deposits):
        raise InvalidInputError("--accounts", "must be amounts above 0, such as 10000,2500")
    return deposits


def _with_progress(path: Path) -> Iterator[Bar]:
    """The file's bars; how far they are is shown on a terminal."""
    with click.progressbar(length=count_candles(path), label="Replaying", file=sys.stderr) as progress:
        seen = 0
        for bar in read_bars(path):
            yield bar
            seen += len(bar.candles)
            if seen >= _STEP:
                progress.update(seen)
                seen = 0
        progress.update(seen)


if __name__ == "__main__":
    main(prog_name="python -m replay")
