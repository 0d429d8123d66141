"""The one failure of reading: a whole file (or request body) that is refused with one stable reason."""

from monitoring import schema


class FileRefused(ValueError):
    """A file or body is refused whole and leaves nothing behind.

    `reason` is one of `schema.FILE_REASONS`; `detail` is a short sentence for people.

    >>> str(FileRefused("empty", "no rows in it"))
    'empty: no rows in it'
    """

    def __init__(self, reason: str, detail: str) -> None:
        assert reason in schema.FILE_REASONS, reason
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["FileRefused"], tuple[str, str]]:
        return FileRefused, (self.reason, self.detail)
