"""Random little worlds for the rules that judge a place over some time, and ways to hand them to the engine."""

from typing import Any

import numpy as np
import pyarrow as pa

from monitoring import schema
from monitoring.agreement import Parameters
from monitoring.pipeline import Engine
from tests.small_world import START_NS, table

KEPT = tuple(name for name in schema.FINDINGS.names if name != "revision")


def at_once(rows: list[dict[str, Any]], given: Parameters) -> list[dict[str, Any]]:
    """What the engine finds when everything comes together."""
    return in_pieces([rows], given)


def in_pieces(pieces: list[list[dict[str, Any]]], given: Parameters) -> list[dict[str, Any]]:
    """What it finds when deliveries come one after the other, with a tick after each, and the input ends.

    Newest revisions that stand, without the number of the revision, in the order of start and id.
    """
    engine, found = Engine(given), []
    everything = [row for piece in pieces for row in piece]
    reference_ns = START_NS
    for piece in pieces:
        if piece:
            engine.feed(table(piece))
            reference_ns = max(reference_ns, *(row["time_ns"] for row in piece))
        found.append(engine.tick(reference_ns).findings)
    end_ns = max(row["time_ns"] for row in everything)
    found.append(engine.tick(end_ns, end_of_input=True).findings)
    newest: dict[str, dict[str, Any]] = {}
    for row in pa.concat_tables(found).to_pylist():
        known = newest.get(row["finding_id"])
        if known is None or row["revision"] > known["revision"]:
            newest[row["finding_id"]] = row
    standing = [row for row in newest.values() if row["state"] == "final"]
    standing.sort(key=lambda row: (row["time_start_ns"], row["finding_id"]))
    return [{name: row[name] for name in KEPT} for row in standing]


def cut(rows: list[dict[str, Any]], cuts: list[float]) -> list[list[dict[str, Any]]]:
    """Rows in order of time, cut into deliveries at these shares of them."""
    ordered = sorted(rows, key=lambda row: row["time_ns"])
    places = sorted({int(share * len(ordered)) for share in cuts})
    return [list(part) for part in np.split(np.array(ordered, dtype=object), places)]
