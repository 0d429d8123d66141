"""Ctrl-C is heeded where nothing is half done."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from api.cli.interrupts import Interrupts


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Whoever runs the tests in the background may have Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_it_is_held_back_until_it_is_asked_for() -> None:
    with Interrupts() as interrupts:
        interrupts.heed()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.heed()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_is_heeded_in_the_end_at_the_latest() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        os.kill(os.getpid(), signal.SIGINT)


def test_who_insists_is_let_go_at_once() -> None:
    program = (
        "import os, signal; from api.cli.interrupts import Interrupts\n"
        "with Interrupts():\n"
        "    for _ in range(2): os.kill(os.getpid(), signal.SIGINT)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 130
