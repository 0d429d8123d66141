"""What foreseen failures mean at the command line: one table, text and exit code."""

import errno
from typing import Final

from api.cli.output import EXIT_DATA, EXIT_USAGE
from api.cli.remote import ServerRefused
from geodata.errors import GeodataError
from monitoring.adapters.home import HomeMissing, HomeTooNew
from monitoring.adapters.lock import HomeBusy
from monitoring.adapters.refusals import Overloaded, StorageFull
from monitoring.adapters.runtime import ProcessingFailed
from monitoring.adapters.store.errors import StoreError
from monitoring.agreement import AgreementInvalid
from monitoring.bootstrap import HomeExists
from monitoring.decode import FileRefused
from monitoring.evidence.errors import EvidenceError
from monitoring.simulation import ScenarioError

_FORESEEN: Final = {errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR, errno.EROFS, errno.ENOSPC}

EXIT_OF: tuple[tuple[type[Exception], int], ...] = (
    (HomeMissing, EXIT_USAGE),
    (HomeExists, EXIT_USAGE),
    (HomeBusy, EXIT_DATA),
    (HomeTooNew, EXIT_DATA),
    (GeodataError, EXIT_DATA),
    (AgreementInvalid, EXIT_DATA),
    (ScenarioError, EXIT_DATA),
    (FileRefused, EXIT_DATA),
    (ServerRefused, EXIT_DATA),
    (StoreError, EXIT_DATA),
    (EvidenceError, EXIT_DATA),
    (StorageFull, EXIT_DATA),
    (Overloaded, EXIT_DATA),
    (ProcessingFailed, EXIT_DATA),
)


def explain(error: Exception) -> tuple[str, int] | None:
    """What to tell of a failure and with which exit code to end; None for one that nobody foresaw."""
    for kind, exit_code in EXIT_OF:
        if isinstance(error, kind):
            return str(error), exit_code
    if isinstance(error, OSError) and error.errno in _FORESEEN:
        exit_code = EXIT_USAGE if error.errno == errno.ENOENT else EXIT_DATA
        return f"{error.filename or ''}: {error.strerror}".lstrip(": "), exit_code
    return None
