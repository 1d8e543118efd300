"""Calls that no real exchange has: faults, prices and balances by hand. For this machine only."""

import ipaddress
from decimal import Decimal, InvalidOperation
from typing import get_type_hints

from flask import Blueprint, request

from sandbox.exchange.amounts import is_multiple
from sandbox.exchange.errors import ExchangeError, bad_symbol
from sandbox.exchange.faults import KINDS, Fault
from sandbox.exchange.service import Service
from sandbox.exchange.symbols import ASSETS, SYMBOLS

_FAULT_OPTIONS = {name: hint for name, hint in get_type_hints(Fault).items() if name != "fault_id"}


def sandbox_blueprint(service: Service) -> Blueprint:
    """Return the routes below ``/sandbox``."""
    blueprint = Blueprint("sandbox", __name__, url_prefix="/sandbox")

    @blueprint.before_request
    def refuse_strangers() -> None:
        if not ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104 - stands for "unknown"
            raise ExchangeError(-1002, "You are not authorized to execute this request.", 403)

    _add_fault_routes(blueprint, service)
    _add_money_routes(blueprint, service)
    return blueprint


def _add_fault_routes(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/faults")
    def list_faults() -> dict[str, object]:
        return {"kinds": [*KINDS, "wipe"], "faults": service.faults.describe(), "struck": service.faults.struck()}

    @blueprint.post("/faults")
    def add_fault() -> dict[str, object]:
        body = _body()
        if body.get("kind") == "wipe":
            service.exchange.wipe()
            return {"kind": "wipe"}
        return service.faults.add(_fault(body)).describe()

    @blueprint.delete("/faults")
    def clear_faults() -> dict[str, object]:
        service.faults.clear()
        return {}


def _add_money_routes(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/price")
    def pin_price() -> dict[str, object]:
        body = _body()
        symbol = _symbol(body.get("symbol"))
        price = _amount("price", body.get("price"))
        if price <= 0 or not is_multiple(price, SYMBOLS[symbol].tick):
            raise _malformed("price")
        service.exchange.pin(symbol, price)
        return {"symbol": symbol, "price": str(price)}

    @blueprint.delete("/price/<symbol>")
    def unpin_price(symbol: str) -> dict[str, object]:
        service.exchange.unpin(_symbol(symbol))
        return {}

    @blueprint.post("/balances")
    def set_balances() -> dict[str, object]:
        amounts = {asset: _amount(asset, free) for asset, free in _body().items()}
        for asset in amounts:
            if asset not in ASSETS:
                raise _malformed(asset)
        service.exchange.set_free(amounts)
        return {asset: str(free) for asset, free in amounts.items()}


def _body() -> dict[str, object]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise _malformed("body")
    return body


def _fault(body: dict[str, object]) -> Fault:
    """Build a fault from JSON; a probability without ``times`` has no end."""
    if body.get("kind") not in KINDS:
        raise _malformed("kind")
    options = dict(body)
    for name in {"fraction", "seconds", "probability"} & set(options):
        amount = _amount(name, options[name])
        options[name] = amount if name == "fraction" else float(amount)
    for name, value in options.items():
        if name not in _FAULT_OPTIONS or not isinstance(value, _FAULT_OPTIONS[name]):
            raise _malformed(name)
    if "probability" in options:
        options.setdefault("times", None)
    return Fault(**options)  # type: ignore[arg-type]  # the types were just checked


def _symbol(value: object) -> str:
    if not isinstance(value, str) or value not in SYMBOLS:
        raise bad_symbol()
    return value


def _amount(name: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise _malformed(name)
    return amount


def _malformed(name: str) -> ExchangeError:
    return ExchangeError(-1130, f"Data sent for parameter '{name}' is not valid.")
