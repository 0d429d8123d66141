"""S1 with the rules of scope `track`, over any number of shards of tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.findings import Decided, Judged
from monitoring.rules import Memory, TrackRule, chosen
from monitoring.tracks.facts import absent
from monitoring.tracks.keys import LONE, track_keys
from monitoring.tracks.sketches import in_order, sketch
from monitoring.tracks.state import Fixes, of_this_version
from monitoring.tracks.step import COLUMNS, step

_TRACK: Final = schema.KINDS.index("track")
READ: Final = ("kind", *COLUMNS)
"""What `fixes_of` reads of an event."""
_SIGHTING: Final = schema.KINDS.index("sighting")


@dataclass(frozen=True)
class TrackShard:
    """What S1 and each rule remember of the tracks of one shard."""

    fixes: Fixes
    memory: Mapping[str, Memory]


def fixes_of(table: pa.Table, parameters: Parameters) -> pa.Table:
    """The fixes among events, in their order (`COLUMNS` of them): those of tracks, and sightings of classes that a
    rule wants to judge though they belong to no track, each as a track of its own."""
    kind = events.codes(table, "kind")
    table = table.select(COLUMNS)
    wanted = [word for rule in track_rules(parameters) for word in getattr(rule, "SIGHTINGS", ())]
    if not wanted or not (kind == _SIGHTING).any():
        return events.taken(table, np.flatnonzero(kind == _TRACK))
    codes = [schema.OBJECT_CLASSES.index(word) for word in wanted]
    is_lone = (kind == _SIGHTING) & np.isin(events.codes(table, "object_class"), codes)
    row = np.flatnonzero((kind == _TRACK) | is_lone)
    fixes = events.taken(table, row)
    alone = np.flatnonzero(is_lone[row])
    if not len(alone):
        return fixes
    own = pc.binary_join_element_wise(LONE, events.taken(fixes, alone).column("id").combine_chunks(), "")
    track_id = pc.replace_with_mask(fixes.column("track_id").combine_chunks(), pa.array(is_lone[row]), own)
    return fixes.set_column(
        fixes.schema.get_field_index("track_id"), fixes.schema.field("track_id"), track_id
    )


def start(parameters: Parameters, shard_count: int) -> tuple[TrackShard, ...]:
    """Shards that remember nothing."""
    return restored(Fixes.empty().to_table(), {}, parameters, shard_count)


def advance(
    shards: Sequence[TrackShard], fixes: pa.Table, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[tuple[TrackShard, ...], Judged]:
    """Fixes (in canonical order) through every shard; findings in the order of decision."""
    rules = track_rules(parameters)
    if not rules:
        return tuple(shards), Judged.of(())
    parts = [fixes]
    if len(shards) > 1:
        sensor_id, track_id = (fixes.column(name).combine_chunks() for name in ("sensor_id", "track_id"))
        of_row = track_keys(sensor_id, track_id) % np.uint64(len(shards))
        parts = [fixes.filter(pa.array(of_row == shard)) for shard in range(len(shards))]
    after, sketches = [], []
    judged: list[Decided] = []
    for shard, part in zip(shards, parts, strict=True):
        output = step(shard.fixes, part, until_ns, parameters)
        is_lone = pc.starts_with(output.state.track_id, LONE).to_numpy(zero_copy_only=False)
        memory = {}
        for rule in rules:
            found, memory[rule.RULE_ID] = rule.evaluate(
                output.batch, shard.memory[rule.RULE_ID], until_ns, is_end, parameters
            )
            judged += found
        # Nothing continues a sighting that belongs to no track.
        after.append(TrackShard(output.state.take(~is_lone), memory))
        sketches.append(sketch(output.batch))
    return tuple(after), Judged.of(judged)._replace(sketches=in_order(sketches))


def track_rules(parameters: Parameters) -> tuple[TrackRule, ...]:
    """The rules of scope `track` in force."""
    return tuple(cast("TrackRule", rule) for rule in chosen(parameters, "track"))


def joined(shards: Sequence[TrackShard]) -> tuple[pa.Table, dict[str, pa.Table]]:
    """Everything the shards remember, by key: the same whatever their number."""
    fixes = pa.concat_tables([shard.fixes.to_table() for shard in shards])
    names = shards[0].memory.keys()
    memory = {name: pa.concat_tables([shard.memory[name].to_table() for shard in shards]) for name in names}
    return _by_key(fixes), {name: _by_key(table) for name, table in memory.items()}


def restored(
    fixes: pa.Table, memory: Mapping[str, pa.Table], parameters: Parameters, shard_count: int
) -> tuple[TrackShard, ...]:
    """Shards that remember what `joined` gave, in any number.

    Memory of an earlier form, which lacks columns, is read as one that says nothing in them; a rule without memory
    begins without.
    """
    rules = {rule.RULE_ID: rule for rule in track_rules(parameters)}
    held = {name: _in_form(memory.get(name), rule.MEMORY) for name, rule in rules.items()}
    fixes = of_this_version(fixes)
    return tuple(
        TrackShard(
            Fixes.from_table(_of_shard(fixes, shard, shard_count)),
            {n: rules[n].remembered(_of_shard(table, shard, shard_count)) for n, table in held.items()},
        )
        for shard in range(shard_count)
    )


def _in_form(memory: pa.Table | None, wanted: pa.Schema) -> pa.Table:
    """A rule's memory in its present form."""
    if memory is None or not set(memory.schema.names) < set(wanted.names):
        return wanted.empty_table() if memory is None or memory.schema.names != wanted.names else memory
    missing = absent({f.name: f.type for f in wanted if f.name not in memory.schema.names}, memory.num_rows)
    columns = [
        memory.column(f.name) if f.name in memory.schema.names else pa.array(missing[f.name], type=f.type)
        for f in wanted
    ]
    return pa.Table.from_arrays(columns, schema=wanted)


def without(shards: Sequence[TrackShard], keys: NDArray[np.uint64]) -> tuple[TrackShard, ...]:
    """Shards that have forgotten some tracks."""
    return tuple(
        TrackShard(
            shard.fixes.take(~np.isin(shard.fixes.key, keys)),
            {name: held.take(~np.isin(held["key"], keys)) for name, held in shard.memory.items()},
        )
        for shard in shards
    )


def with_tracks(shards: Sequence[TrackShard], others: Sequence[TrackShard]) -> tuple[TrackShard, ...]:
    """Shards that also remember the tracks of others, split alike."""
    return tuple(
        TrackShard(
            shard.fixes.followed_by(other.fixes),
            {name: held.followed_by(other.memory[name]) for name, held in shard.memory.items()},
        )
        for shard, other in zip(shards, others, strict=True)
    )


def _of_shard(table: pa.Table, shard: int, shard_count: int) -> pa.Table:
    if shard_count == 1 or not table.num_rows:
        return table
    return table.filter(pa.array(table.column("key").to_numpy() % np.uint64(shard_count) == shard))


def _by_key(table: pa.Table) -> pa.Table:
    if not table.num_rows:
        return table
    # Inside a track the order is that of time; the sort must keep it.
    return table.take(pa.array(np.argsort(table.column("key").to_numpy(), kind="stable")))
