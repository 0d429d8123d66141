"""Write commands reach the home either directly or, where a server holds it, through that server."""

import getpass
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from api.cli.interrupts import Interrupts
from api.cli.output import Advance, progress
from api.cli.remote import RemoteHome, ServerRefused
from monitoring.adapters.intake import Input
from monitoring.adapters.runtime import Runtime
from monitoring.bootstrap import open_home
from monitoring.settings import Settings

Span = tuple[tuple[str, int] | None, tuple[str, int] | None]
"""First event time and the one behind the last, each as written and as ns; None = open."""


class Writer(Protocol):
    """What write commands ask of whoever writes to the home."""

    def ingest(
        self, files: Sequence[tuple[Path, str]], now: tuple[str, int] | None, advance: Advance
    ) -> dict[str, Any]: ...
    def register_sensors(self, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]: ...
    def load_line(self, geojson: Mapping[str, Any], valid_from: tuple[str, int]) -> dict[str, Any]: ...
    def load_notices(self, document: Mapping[str, Any], name: str) -> dict[str, Any]: ...
    def replay_quarantine(self, selection: Mapping[str, Any]) -> dict[str, Any]: ...
    def reanalyse(self, span: Span, *, is_applied: bool) -> dict[str, Any]: ...
    def spool(self) -> Path: ...


@contextmanager
def at_the_writer(settings: Settings, command: str) -> Iterator[Writer]:
    """The writer of the home: a running server, or this process. Raises `HomeBusy` when another command writes."""
    remote = RemoteHome.of(settings.home)
    if remote is not None:
        with remote:
            yield _Remote(remote)
        return
    with (
        progress("taking up the journal") as advance,
        # Accounts are made by a command that shows their secrets.
        open_home(settings, command, on_replay=advance, makes_accounts=False) as opened,
    ):
        yield _Local(opened.runtime)


class _Local:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._principal = f"cli:{getpass.getuser()}"

    def ingest(
        self, files: Sequence[tuple[Path, str]], now: tuple[str, int] | None, advance: Advance
    ) -> dict[str, Any]:
        now_ns = None if now is None else now[1]
        inputs = [Input(path, name) for path, name in files]
        with Interrupts() as interrupts:

            def between(done: float, total: float | None) -> None:
                interrupts.heed()
                advance(done, total)

            return self._runtime.ingest_files(
                inputs, door="file", principal=self._principal, now_ns=now_ns, progress=between
            )

    def register_sensors(self, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        with Interrupts():
            return self._runtime.register_sensors(self._principal, sensors)

    def load_line(self, geojson: Mapping[str, Any], valid_from: tuple[str, int]) -> dict[str, Any]:
        with Interrupts():
            return self._runtime.load_line(self._principal, geojson, valid_from[1])

    def load_notices(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        with Interrupts():
            return self._runtime.load_notices(self._principal, document, name)

    def replay_quarantine(self, selection: Mapping[str, Any]) -> dict[str, Any]:
        with Interrupts():
            return self._runtime.replay_quarantine(self._principal, selection)

    def reanalyse(self, span: Span, *, is_applied: bool) -> dict[str, Any]:
        begin, end = span
        return self._runtime.reanalyse(
            self._principal,
            -(2**62) if begin is None else begin[1],
            2**62 if end is None else end[1],
            is_applied=is_applied,
        )

    def spool(self) -> Path:
        return self._runtime.home.spool_dir


class _Remote:
    def __init__(self, remote: RemoteHome) -> None:
        self._remote = remote

    def ingest(
        self, files: Sequence[tuple[Path, str]], now: tuple[str, int] | None, advance: Advance
    ) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for path, name in files:
            try:
                receipt = self._remote.post_file(
                    "/v1/events",
                    path,
                    "application/octet-stream",
                    advance,
                    wait="processed",
                    end_of_input="true",
                    name=name,
                    now=None if now is None else now[0],
                )
            except ServerRefused as refused:
                receipt = dict(refused.problem.get("receipt") or {})
                if not receipt:
                    raise
            whole = receipt if not whole else _together(whole, receipt)
        return whole

    def register_sensors(self, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self._remote.post("/v1/sensors", {"sensors": [dict(sensor) for sensor in sensors]})

    def load_line(self, geojson: Mapping[str, Any], valid_from: tuple[str, int]) -> dict[str, Any]:
        return self._remote.post("/v1/lines", {"line": dict(geojson), "valid_from": valid_from[0]})

    def load_notices(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        return self._remote.post("/v1/notices", {"name": name, "notices": dict(document)})

    def replay_quarantine(self, selection: Mapping[str, Any]) -> dict[str, Any]:
        return self._remote.post(
            "/v1/quarantine/replay", {k: v for k, v in selection.items() if v is not None}
        )

    def reanalyse(self, span: Span, *, is_applied: bool) -> dict[str, Any]:
        begin, end = span
        asked = {"from": begin and begin[0], "to": end and end[0], "apply": is_applied}
        return self._remote.post("/v1/reanalyse", {k: v for k, v in asked.items() if v is not None})

    def spool(self) -> Path:
        return self._remote.home / "spool"


def _together(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """One receipt of two: numbers and counts are added, rows and files joined; the range spans both."""
    whole = dict(first)
    for key, value in second.items():
        known = whole.get(key)
        if key in {"receipt_id", "journal_from"}:
            whole[key] = known or value
        elif key == "journal_to":
            whole[key] = value or known
        elif isinstance(value, dict):
            counts = dict(known or {})
            whole[key] = {code: counts.get(code, 0) + value.get(code, 0) for code in {**counts, **value}}
        elif isinstance(value, list):
            whole[key] = [*(known or []), *value]
        elif isinstance(value, int):
            whole[key] = value + (known or 0)
        else:
            whole.setdefault(key, value)
    return whole
