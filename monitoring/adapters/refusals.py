"""Refusals that the system makes openly when it cannot take more: nothing was kept of what they answer."""


class Overloaded(Exception):
    """More waits to be processed than may wait. Nothing was kept; send it again after `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class StorageFull(Exception):
    """The journal cannot be written (disk full, failed sync): the home is read-only until opened again."""
