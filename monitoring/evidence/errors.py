"""What can be wrong with the record, one class per failure. Every message says what, where and what to do."""


class EvidenceError(Exception):
    """Base of everything the record's keepers raise."""


class FrameDamaged(EvidenceError):
    """Bytes of the record are not what was written. `what` names the part that disagrees."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class JournalDamaged(EvidenceError):
    """A stored record does not match its checksum or its chain: the file was changed after it was synced.

    `file`, `offset` (bytes from its start) and `what` locate the damage. Nothing is repaired or skipped.
    """

    def __init__(self, file: str, offset: int, what: str) -> None:
        super().__init__(
            f"{file} is damaged at byte {offset}: {what}. Nothing was changed. Copy the home aside for "
            "examination, then restore this file from a backup; records before this place are intact."
        )
        self.file = file
        self.offset = offset
        self.what = what


class JournalReadOnly(EvidenceError):
    """A write or a sync failed, so nothing more may be acknowledged by this process."""

    def __init__(self, file: str, cause: str) -> None:
        super().__init__(
            f"{file} is read-only since a write could not be made durable ({cause}). What was acknowledged "
            "before is safe. Check the disk, then start again; a failed sync is never tried twice."
        )
        self.file = file
        self.cause = cause


class JournalFull(EvidenceError):
    """The disk has no room for the record. Nothing of it was kept; send it again when there is room."""

    def __init__(self, file: str, cause: str) -> None:
        super().__init__(
            f"no room on the disk for {file} ({cause}). Nothing of this delivery was kept: free some space, "
            "then send it again. Reading goes on."
        )
        self.file = file
        self.cause = cause


class OutputConflict(EvidenceError):
    """The results of a journal record are already in the output log, with other content."""

    def __init__(self, journal_seq: int, what: str) -> None:
        super().__init__(
            f"results of journal record {journal_seq} are already in the output log and differ ({what}). "
            "Published results are never rewritten: was the engine changed without a new engine_version?"
        )
        self.journal_seq = journal_seq


class RecordErased(EvidenceError):
    """The payload of a record was erased under a logged action; its header and chain are still there."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"the payload of record {seq} was erased; its header and commitment remain")
        self.seq = seq
