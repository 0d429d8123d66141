"""The section on what was not observed: shares of the line watched, stretches that nobody looked at, and rates."""

from collections.abc import Iterable, Mapping
from typing import Final

from monitoring.reports import wording
from monitoring.reports.content import Column, Section, Sector, Table
from monitoring.reports.watch import NOT_OBSERVED_FRAC, Figures, Rate, Watch

TITLE: Final = "What was not observed"
SHOWN: Final = ("crossing_person", "crossing_vehicle", "crossing_uav", "fire_small_arms", "fire_mortar")
"""Kinds that the table of sectors and the drawing show; the JSON has all."""
KINDS: Final = {
    "crossing_person": "Crossing on foot",
    "crossing_vehicle": "Crossing by vehicle",
    "crossing_uav": "Crossing by unmanned aircraft",
    "incursion_person": "On foot inside the buffer",
    "incursion_vehicle": "Vehicle inside the buffer",
    "incursion_uav": "Unmanned aircraft inside the buffer",
    "fire_small_arms": "Fire of small arms",
    "fire_mortar": "Fire of mortars",
    "fire_artillery": "Fire of artillery and tanks",
    "fire_rocket": "Fire of rockets",
    "works": "Works and mines",
    "jamming": "Jamming",
}


_SHORT: Final = {
    "crossing_person": "On foot",
    "crossing_vehicle": "Vehicles",
    "crossing_uav": "Unmanned aircraft",
    "fire_small_arms": "Small arms",
    "fire_mortar": "Mortars",
}


def section(
    watch: Watch | None, sectors: Iterable[Sector], recorded: Mapping[str, int], hours: float
) -> Section:
    """The section; `recorded`: incidents by sector id; `hours` of the period."""
    if watch is None:
        return Section("coverage", TITLE, (wording.COVERAGE_MEANING,), is_computed=False)
    named = [(sector.sector_id, sector.name) for sector in sectors]
    if any(sector == "" for sector, _ in watch.of_sector):
        named.append(("", "outside the sectors"))
    sentences = tuple(_sentences(watch, named, recorded, hours))
    return Section("coverage", TITLE, sentences, tables=(_rates(watch), _by_sector(watch, named, recorded)))


def words_for(watch: Watch | None) -> str:
    """The line at the head of machine-readable reports."""
    return wording.COVERAGE if watch is None else wording.COVERAGE_BOUND


def unwatched_hours(watch: Watch, sector: str, kind: str) -> int:
    """Hours of a sector in which hardly anybody looked for a kind of happening."""
    shares = [one.watched_frac for (of, _, what), one in watch.cells.items() if of == sector and what == kind]
    return sum(share < NOT_OBSERVED_FRAC for share in shares)


def _sentences(
    watch: Watch, named: list[tuple[str, str]], recorded: Mapping[str, int], hours: float
) -> Iterable[str]:
    yield wording.COVERAGE_UPPER
    if watch.hours < hours - 0.01:
        yield (
            f"Coverage was computed for {watch.hours:.3g} of the {hours:g} hours of this period; of the others it is "
            "not known whether anybody looked."
        )
    shares = "; ".join(f"{KINDS[kind].lower()} {_percent(watch.of_kind(kind))}" for kind in SHOWN)
    yield f"Of the line's kilometre-hours were watched for: {shares}."
    for kind in SHOWN:
        unseen = [
            _named(*one) for one in named if not _is_dark(watch, one[0]) and _is_unseen(watch, one[0], kind)
        ]
        if unseen:
            yield f"Not observed for {KINDS[kind].lower()}: {', '.join(unseen)}."
    dark = [_named(*one) for one in named if _is_dark(watch, one[0])]
    if dark:
        yield (
            f"Not observed, for any of these kinds, for the whole period: {', '.join(dark)}. Of what happened there "
            "nothing is known."
        )
    quiet = [_named(*one) for one in named if not recorded.get(one[0]) and not _is_dark(watch, one[0])]
    if quiet:
        yield f"Nothing observed though somebody was looking: {', '.join(quiet)}."
    lost = {kind: watch.of_kind(kind).lost for kind in SHOWN}
    kind = max(SHOWN, key=lambda name: lost[name])
    if lost[kind] >= 0.5:
        yield (
            f"Registered posts that did not work would have watched more: most for {KINDS[kind].lower()}, "
            f"{lost[kind]:,.0f} kilometre-hours."
        )


def _is_dark(watch: Watch, sector: str) -> bool:
    figures = [watch.of_sector.get((sector, kind), Figures()) for kind in SHOWN]
    return all(one.watched_frac < NOT_OBSERVED_FRAC for one in figures)


def _is_unseen(watch: Watch, sector: str, kind: str) -> bool:
    figures = watch.of_sector.get((sector, kind), Figures())
    return figures.line > 0 and figures.watched_frac < NOT_OBSERVED_FRAC


def _rates(watch: Watch) -> Table:
    columns = (
        Column("kind", "Kind of happening"),
        Column("watched", "Line watched", is_number=True),
        Column("chance", "Chance of detection", is_number=True),
        Column("observed_km_h", "Observed km-hours", is_number=True),
        Column("recorded", "Recorded", is_number=True),
        Column("rate", "Per 1,000", is_number=True),
        Column("interval", "95 % interval", is_number=True),
    )
    rate_of = {rate.kind: rate for rate in watch.rates}
    rows = tuple(_rate_row(kind, rate_of.get(kind), watch.of_kind(kind)) for kind in KINDS)
    return Table("rates", "Watched and recorded, by kind of happening", columns, rows)


def _rate_row(kind: str, rate: Rate | None, figures: Figures) -> tuple[str | None, ...]:
    chance = None if figures.detection_prob is None else f"{figures.detection_prob:.2f}"
    if rate is None:
        return KINDS[kind], _percent(figures), chance, f"{figures.effective:,.0f}", None, "with mortars", None
    if rate.rate is None or rate.low is None or rate.high is None:
        return KINDS[rate.kind], _percent(figures), None, "0", f"{rate.count:,}", "not observed", None
    value = f"{rate.rate:.3g}" if rate.count else "nothing observed"
    interval = f"{rate.low:.2g} to {rate.high:.2g}"
    observed = f"{rate.observed_km_h:,.0f}"
    return KINDS[rate.kind], _percent(figures), chance, observed, f"{rate.count:,}", value, interval


def _by_sector(watch: Watch, named: list[tuple[str, str]], recorded: Mapping[str, int]) -> Table:
    columns = (
        Column("sector", "Sector"),
        *(Column(kind, _SHORT[kind], is_number=True) for kind in SHOWN),
        Column("hours", "Hours not observed, vehicles", is_number=True),
        Column("incidents", "Incidents", is_number=True),
    )
    rows = []
    for sector, name in named:
        figures = [watch.of_sector.get((sector, kind), Figures()) for kind in SHOWN]
        if not any(one.line for one in figures):
            continue
        count = recorded.get(sector, 0)
        word = "not observed" if _is_dark(watch, sector) else "nothing observed"
        hours = str(unwatched_hours(watch, sector, "crossing_vehicle"))
        shares = (_percent(one) for one in figures)
        rows.append((f"{sector} {name}".strip(), *shares, hours, f"{count:,}" if count else word))
    return Table("watched", "Line watched, by sector", columns, tuple(rows))


def _percent(figures: Figures) -> str:
    share = 100.0 * figures.watched_frac
    return "none" if not figures.watched else f"{share:.0f} %" if share >= 1 else "under 1 %"


def _named(sector: str, name: str) -> str:
    return f"{sector} ({name})" if sector else name
