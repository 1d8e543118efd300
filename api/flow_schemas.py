"""What callers send and get about money in and out of accounts."""

from marshmallow import fields

from api.answers import Error
from api.fields import AnswerSchema, Number, Time, Whole, check_amount, check_flag
from api.schemas import AMOUNT, NumberedPageQuery, Request

REFERENCE = Whole(
    "(?!start:)[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,127}",
    "1 to 128 of A-Z, a-z, 0-9, _ . : and -, beginning with neither a point nor start:",
)


class ReferenceBody(Request):
    """Under which name of the caller's this is done once."""

    reference_id = fields.String(
        required=True,
        validate=REFERENCE,
        metadata={"description": "your id of this flow: the same one again changes nothing", "example": "tx-1001"},
    )


class DepositBody(ReferenceBody):
    """Money that came in."""

    amount = fields.Raw(
        required=True,
        validate=check_amount,
        metadata={**AMOUNT, "description": "at most 8 decimals"},
    )


class WithdrawalBody(DepositBody):
    """Money to go out."""

    liquidate = fields.Raw(
        load_default=False,
        validate=check_flag,
        metadata={"type": "boolean", "description": "have the agent's next ticks sell what is needed first"},
    )


class WithdrawalsQuery(NumberedPageQuery):
    """Which withdrawals."""


class DepositAnswer(AnswerSchema):
    """A deposit that is booked."""

    status = fields.String(metadata={"enum": ["completed"]})
    account_id = fields.String()
    reference_id = fields.String()
    amount = Number()
    balance_before = Number(metadata={"description": "deposits less withdrawals plus realised profit, before it"})
    balance_after = Number()
    created_at = Time()


class Withdrawal(AnswerSchema):
    """A withdrawal, or the closing of an account."""

    status = fields.String(metadata={"enum": ["pending", "completed", "failed"]})
    kind = fields.String(metadata={"enum": ["withdrawal", "closing"]})
    account_id = fields.String()
    reference_id = fields.String()
    amount = Number(allow_none=True, metadata={"description": "null while a closing is pending: all there will be"})
    balance_after = Number(allow_none=True, metadata={"description": "null until it is paid"})
    free = Number(allow_none=True, metadata={"description": "if it failed: the cash there was"})
    detail = fields.String(allow_none=True, metadata={"description": "what a pending one waits for, why one failed"})
    requested_at = Time()
    finished_at = Time(allow_none=True)
    status_url = fields.String(metadata={"description": "where it will be found"})
    warning = fields.String(metadata={"description": "only if something is still to be made up for", "optional": True})


class NotEnoughCashError(Error):
    """More was asked for than is free, or the reference was used otherwise."""

    free = Number(metadata={"description": "what can be withdrawn now, if that was too little", "optional": True})
