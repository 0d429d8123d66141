"""Why a store cannot be opened or written."""

from pathlib import Path


class StoreError(Exception):
    """Base of the store's own failures."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of the program."""

    def __init__(self, path: Path, found: str, known: str) -> None:
        super().__init__(
            f"{path} has the schema {found!r}, this version of contactline knows schemas up to {known!r}: "
            "open it with the newer version that wrote it"
        )


class StoreBusy(StoreError):
    """A second writing connection to the same file would be opened."""


class StoreUnsafe(StoreError):
    """The database does not give the durability that the store promises."""
