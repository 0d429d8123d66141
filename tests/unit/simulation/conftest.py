"""One short run of the busy day on the shipped line, shared by the tests that only look at it."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation import Truth, simulate


@dataclass(frozen=True)
class Finished:
    """A run that was walked to its end."""

    run: Any
    tables: list[pa.Table]
    truth: Truth
    registry: list[dict[str, Any]]

    @property
    def events(self) -> pa.Table:
        return pa.concat_tables(self.tables)


@pytest.fixture(scope="session")
def line() -> ContactLine:
    return packaged_line()


@pytest.fixture(scope="session")
def finished(line: ContactLine) -> Finished:
    run = simulate("busy-day", line, seed=3, hours=4)
    tables = list(run.tables())
    return Finished(run, tables, run.truth(), run.registry)
