"""The composition root: makes homes, opens them for writing or reading, and hands out first credentials.

Everything else gets what it needs as arguments; only this module decides which parts are put together.
"""

import base64
import hashlib
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from geodata.area import Area
from geodata.contact_line import ContactLine, LineHistory, packaged_line
from geodata.errors import OutsideArea
from geodata.line_file import read_line
from geodata.sectors import Sectors, packaged_sectors
from monitoring.adapters.home import Home, HomeMissing
from monitoring.adapters.mission import Mission
from monitoring.adapters.processor import SYSTEM
from monitoring.adapters.runtime import Runtime
from monitoring.adapters.store import Store
from monitoring.admission import Registry
from monitoring.agreement import DEFAULT, Agreement
from monitoring.agreement.notice_file import read_notices
from monitoring.rules import bind
from monitoring.settings import Settings

DEMO_MARK: Final = "demo"
"""The file that says a home was made by the demo and may be replaced by the next one."""
FIRST_ACCOUNTS: Final = (
    ("analyst", "Analyst on duty", ("analyst",)),
    ("reviewer", "Commission reviewer", ("reviewer",)),
    ("operator", "Sensor operator", ("operator",)),
)


class HomeExists(Exception):
    """A home is to be made where there is one already."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a home already: it keeps its line and agreement. Name another place by --home."
        )


@dataclass(frozen=True)
class Credentials:
    """What the first start prints once: a one-time secret for each account, and the ingest token."""

    secrets: dict[str, str]
    ingest_token: str


@dataclass(frozen=True)
class Opened:
    """An open home; `credentials` only when this start made them."""

    runtime: Runtime
    credentials: Credentials | None


def shipped_mission(name: str = "Illustrative mission") -> Mission:
    """The mission on the shipped line, sectors and agreement."""
    line = packaged_line()
    return Mission(
        name=name,
        is_illustrative=True,
        lines=LineHistory([line]),
        agreement=Agreement.load(DEFAULT),
        sectors=packaged_sectors(),
        area=Area.fit(line),
        registry=Registry(),
    )


def own_mission(
    line_file: Path | None,
    agreement_file: str | None,
    bounds: tuple[float, float, float, float] | None,
    notices_file: Path | None = None,
) -> Mission:
    """A mission on somebody's own line, agreement, area and notices; what is not given is the shipped or the fitted
    one.

    Raises `LineInvalid`, `AgreementInvalid`, `AreaInvalid`, `OutsideArea`.
    """
    shipped = shipped_mission()
    agreement = Agreement.load(agreement_file) if agreement_file else shipped.agreement
    line = ContactLine.from_draft(read_line(line_file)) if line_file else packaged_line()
    area = Area.box(*bounds) if bounds else Area.fit(line)
    if not area.contains(line.lon, line.lat).all():
        raise OutsideArea("--area", f"the line {line.label} leaves it; widen it or leave the option away")
    mission = Mission(
        name=line.label if line_file else shipped.name,
        is_illustrative=line_file is None,
        lines=LineHistory([line]),
        agreement=agreement,
        sectors=Sectors.fit(line) if line_file else shipped.sectors,
        area=area,
        registry=Registry(),
        notices=() if notices_file is None else (read_notices(notices_file),),
    )
    bind(agreement)
    mission.check_places(str(notices_file))
    return mission


@contextmanager
def open_home(
    settings: Settings,
    command: str,
    *,
    found: Callable[[], Mission] = shipped_mission,
    must_be_new: bool = False,
    makes_accounts: bool = True,
    clock_ns: Callable[[], int] = time.time_ns,
    on_replay: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[Opened]:
    """Open the home for writing by `command`, making it when there is none, and close it in the end.

    With `makes_accounts` a home that has none gets its first accounts; the caller shows their secrets.

    Raises `HomeBusy`, `HomeTooNew`, `HomeMissing`, and `HomeExists` when it `must_be_new` and is not.
    """
    path = settings.home
    is_new = not (path / "home.json").exists()
    if must_be_new and not is_new:
        raise HomeExists(path)
    mission = (
        found() if is_new else None
    )  # what is wrong with a line or agreement is told before a home is made
    home = Home.open(path, writer=command)
    try:
        runtime = Runtime.open(
            home,
            settings,
            found=(lambda: mission) if mission else found,
            clock_ns=clock_ns,
            on_replay=on_replay,
        )
    except BaseException:
        home.close()
        raise
    with runtime:
        credentials = None
        if makes_accounts and not runtime.store.accounts():
            credentials = _first_credentials(runtime)
        yield Opened(runtime, credentials)


@contextmanager
def read_home(settings: Settings) -> Iterator[tuple[Home, Store, Mission]]:
    """Open the home for reading, beside whoever writes to it. Raises `HomeMissing`, `HomeTooNew`, `StoreError`."""
    home = Home.open(settings.home, create=False)
    with Store.open(home.database, read_only=True) as store:
        yield home, store, mission_of(store)


def mission_of(store: Store) -> Mission:
    """The mission as the store knows it now."""
    references = store.references()
    founding = {r["kind"]: r for r in reversed(references)}
    mission = Mission.found(
        founding, Registry.from_json({"sensors": [row["record"] for row in store.sensors()]})
    )
    lines = sorted((r for r in references if r["kind"] == "line"), key=lambda r: r["journal_seq"])
    for further in lines[1:]:
        mission = mission.with_line(ContactLine.from_geojson(further["body"]), further["valid_from_ns"])
    for told in sorted((r for r in references if r["kind"] == "notices"), key=lambda r: r["journal_seq"]):
        mission = mission.with_notices(told["body"])
    return mission


def demo_home(settings: Settings) -> bool:
    """Make room for a new demo home; whether an earlier demo was removed.

    Only a home that a demo made is ever removed. Raises `HomeExists` for any other, `HomeMissing` for a folder that
    is no home, `HomeBusy` while somebody writes to it.
    """
    path = settings.home
    if not path.exists() or not any(path.iterdir()):
        return False
    if not (path / DEMO_MARK).exists():
        if (path / "home.json").exists():
            raise HomeExists(path)
        raise HomeMissing(f"{path} is not empty and no home: name another place by --home")
    with Home.open(path, create=False, writer="demo"):
        for child in path.iterdir():
            if child.name == "lock":
                continue
            shutil.rmtree(child) if child.is_dir() else child.unlink()
    return True


def configure_logging(*, is_json: bool) -> None:
    """Log lines go to standard error: JSON for machines, aligned text for people."""
    renderer = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _first_credentials(runtime: Runtime) -> Credentials:
    # Needed once in the life of a home.
    from pwdlib import PasswordHash  # noqa: PLC0415
    from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415

    hasher = PasswordHash((Argon2Hasher(),))
    one_time = {name: _readable_secret() for name, _, _ in FIRST_ACCOUNTS}
    for name, display_name, roles in FIRST_ACCOUNTS:
        record = {
            "op": "create",
            "name": name,
            "display_name": display_name,
            "roles": list(roles),
            "secret_hash": hasher.hash(one_time[name]),
            "must_set_secret": True,
        }
        runtime.change_account(SYSTEM, record)
    return Credentials(one_time, issue_token(runtime, "ingest", ("events",)))


def has_signed_in(runtime: Runtime) -> bool:
    """Whether anybody has set an own passphrase, so that the one-time secrets are no longer all there is."""
    accounts = (runtime.store.account(row["name"]) for row in runtime.store.accounts())
    return any(account is not None and not account.must_set_secret for account in accounts)


def issue_token(runtime: Runtime, name: str, scopes: tuple[str, ...]) -> str:
    """A new bearer token `cl_<prefix>_<secret>`; only its hash is kept."""
    prefix = secrets.token_hex(6)
    token = f"cl_{prefix}_{secrets.token_hex(32)}"
    record = {
        "op": "token",
        "prefix": prefix,
        "sha256": hashlib.sha256(token.encode()).hexdigest(),
        "name": name,
        "scopes": list(scopes),
    }
    runtime.change_account(SYSTEM, record)
    return token


def revoke_token(runtime: Runtime, token: str) -> None:
    """End a token that `issue_token` gave."""
    runtime.change_account(SYSTEM, {"op": "revoke_token", "prefix": token.split("_")[1]})


def _readable_secret() -> str:
    """100 random bits as four groups of five letters and digits, easy to copy by hand."""
    text = base64.b32encode(secrets.token_bytes(13)).decode().lower()[:20]
    return "-".join(text[i : i + 5] for i in range(0, 20, 5))
