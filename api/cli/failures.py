"""What foreseen failures mean at the command line: one table, text and exit code.

The kinds are written as where they are defined: telling one failure does not load what could fail otherwise.
"""

import errno
from typing import Final

from api.cli.output import EXIT_DATA, EXIT_USAGE

_FORESEEN: Final = {errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR, errno.EROFS, errno.ENOSPC}

EXIT_OF: Final = {
    "monitoring.adapters.home.HomeMissing": EXIT_USAGE,
    "monitoring.bootstrap.HomeExists": EXIT_USAGE,
    "monitoring.adapters.lock.HomeBusy": EXIT_DATA,
    "monitoring.adapters.home.HomeTooNew": EXIT_DATA,
    "geodata.errors.GeodataError": EXIT_DATA,
    "monitoring.agreement.checking.AgreementInvalid": EXIT_DATA,
    "monitoring.simulation.scenario.ScenarioError": EXIT_DATA,
    "monitoring.decode.errors.FileRefused": EXIT_DATA,
    "api.cli.remote.ServerRefused": EXIT_DATA,
    "monitoring.adapters.store.errors.StoreError": EXIT_DATA,
    "monitoring.evidence.errors.EvidenceError": EXIT_DATA,
    "monitoring.adapters.refusals.StorageFull": EXIT_DATA,
    "monitoring.adapters.refusals.Overloaded": EXIT_DATA,
    "monitoring.adapters.runtime.ProcessingFailed": EXIT_DATA,
}


def explain(error: Exception) -> tuple[str, int] | None:
    """What to tell of a failure and with which exit code to end; None for one that nobody foresaw."""
    for kind in type(error).__mro__:
        exit_code = EXIT_OF.get(f"{kind.__module__}.{kind.__qualname__}")
        if exit_code is not None:
            return str(error), exit_code
    if isinstance(error, OSError) and error.errno in _FORESEEN:
        exit_code = EXIT_USAGE if error.errno == errno.ENOENT else EXIT_DATA
        return f"{error.filename or ''}: {error.strerror}".lstrip(": "), exit_code
    return None
