"""Tables of codes and counts as a terminal shows them."""

import io

from rich.console import Console

from api.cli.output import counts


def test_a_title_longer_than_its_table_stays_on_one_line() -> None:
    shown = io.StringIO()
    Console(file=shown, width=80).print(counts("without an answer", {"type": 1}))
    assert shown.getvalue().splitlines()[0].strip() == "without an answer"
