"""Money in and out of an account through real processes: sold for by a worker, paid by itself."""

import uuid

from tests.e2e.service import Service, wait_for


def test_a_withdrawal_that_needs_a_sale_and_then_the_closing_complete_by_themselves(service: Service) -> None:
    account = f"investor-{uuid.uuid4().hex[:8]}"
    service.pin("BTCUSDT", 45_000)
    service.open_account("nova", account, 1000)
    service.signal("nova", "BTCUSDT", "buy", 45_000)
    service.post(f"/accounts/{account}/deposits", {"amount": 50, "reference_id": "d-1"})
    cash = service.get(f"/accounts/{account}")["cash"]
    request = {"amount": round(cash + 100, 8), "reference_id": "w-1"}

    assert service.post(f"/accounts/{account}/withdrawals", request, status=409)["free"] == cash
    pending = service.post(f"/accounts/{account}/withdrawals", request | {"liquidate": True}, status=202)
    wait_for(lambda: service.get(pending["status_url"])["status"] == "completed", "the withdrawal is paid")
    [sale] = service.items("/orders", agent="nova", symbol="BTCUSDT", limit=1)
    [position] = service.positions("nova", account_id=account)
    service.post(f"/accounts/{account}/close", {"reference_id": "c-1"}, status=202)
    wait_for(lambda: service.get(f"/accounts/{account}")["closed_at"], "the account is closed")

    assert (sale["side"], sale["reason"], sale["state"]) == ("sell", "withdrawal", "filled")
    assert position["quantity"] > 0
    closed = service.get(f"/accounts/{account}")
    assert (closed["cash"], closed["reserved"], closed["balance"], closed["status"]) == (0, 0, 0, "stopped")
    kinds = [row["transaction_type"] for row in service.items(f"/accounts/{account}/transactions")]
    assert [kind for kind in kinds if kind in {"deposit", "withdrawal"}] == [
        "withdrawal",
        "withdrawal",
        "deposit",
        "deposit",
    ]
