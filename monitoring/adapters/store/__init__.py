"""The case store: a SQLite projection of journal and output log that can be rebuilt from them."""

from monitoring.adapters.store.errors import StoreBusy, StoreError, StoreTooNew, StoreUnsafe
from monitoring.adapters.store.intake import QuarantinedRow, SensorSeen
from monitoring.adapters.store.people import Account, Session, Token
from monitoring.adapters.store.store import Store
from monitoring.adapters.store.transaction import Output, Transaction

__all__ = [
    "Account",
    "Output",
    "QuarantinedRow",
    "SensorSeen",
    "Session",
    "Store",
    "StoreBusy",
    "StoreError",
    "StoreTooNew",
    "StoreUnsafe",
    "Token",
    "Transaction",
]
