"""The score as tables: short for a terminal, long for a page."""

from collections.abc import Callable
from typing import Final

from rich import box
from rich.table import Table

from monitoring.evaluation.accuracy import Spread
from monitoring.evaluation.cases import CaseScore
from monitoring.evaluation.score import RuleScore, Score
from monitoring.evaluation.shares import Rate, Share


def score_tables(score: Score) -> list[Table]:
    """The score as tables that fit a terminal of 80 columns: a row a rule, a column a measure."""
    header = score.header
    tables: list[Table] = []
    for title, measures in _SHORT.items():
        where = f" ({header.get('scenario', '?')}, seed {header.get('seed', '?')})" if not tables else ""
        table = Table(
            title=title + where, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False
        )
        table.add_column("rule", no_wrap=True)
        for name in measures:
            table.add_column(name, justify="right", vertical="bottom")
        for rule in score.rules:
            table.add_row(rule.rule_id, *(value(rule) for value in measures.values()))
        tables.append(table)
    if score.cases is not None:
        tables[-1].caption = "; ".join(f"{name}: {value}" for name, value in case_rows(score.cases))
    return tables


def _percent(share: Share) -> str:
    if share.value is None:
        return "-"
    return f"{100 * share.value:.0f} % of {share.whole}"


def _interval(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{100 * share.value:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}] of {share.whole}"


def _rate(rate: Rate) -> str:
    return "-" if rate.value is None else f"{rate.value:.2f}"


def _rate_interval(rate: Rate) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return "-"
    return f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}] of {rate.count}"


def _spread(spread: Spread, unit: str) -> str:
    return f"{_number(spread.median, unit)}, {_number(spread.p90, unit)} of {spread.n}"


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:,.0f} {unit}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _false_alarms(rule: RuleScore) -> str:
    return f"{len(rule.false_alarms)}" + (f" ({len(rule.innocent)})" if rule.innocent else "")


_SHORT: Final[dict[str, dict[str, Callable[[RuleScore], str]]]] = {
    "Found against the truth": {
        "recall": lambda rule: _percent(rule.recall),
        "observable": lambda rule: _percent(rule.recall_observable),
        "precision": lambda rule: _percent(rule.precision),
        "counted/true": lambda rule: "-" if rule.count_ratio is None else f"{rule.count_ratio:.2f}",
    },
    "Missed and falsely reported": {
        "missed": lambda rule: str(len(rule.misses)),
        "merged": lambda rule: str(len(rule.merges)),
        "false alarms (innocent)": _false_alarms,
        "a day, 100 km": lambda rule: _rate(rule.false_alarm_rate),
        "splits": lambda rule: str(len(rule.splits)),
    },
    "With what is only told": {
        "only told": lambda rule: str(rule.told.not_asserted),
        "observable": lambda rule: _percent(rule.told.recall_observable),
        "precision": lambda rule: _percent(rule.told.precision),
    },
    "Whose it was": {
        "party right": lambda rule: _percent(rule.attribution.right),
        "undetermined": lambda rule: _percent(rule.attribution.undetermined),
    },
}
"""The measures of the short tables."""


def case_rows(cases: CaseScore) -> list[tuple[str, str]]:
    """What there is to say of the cases, as (measure, value)."""
    return [
        ("cases opened, false", f"{cases.opened}, {cases.false}"),
        ("false cases a day", _rate(cases.false_per_day)),
        ("of them from innocent causes, a day", _rate(cases.innocent_per_day)),
    ]


def detail_rows(rule: RuleScore) -> list[tuple[str, str]]:
    """What there is to say of one rule, as (measure, value), intervals of 95 % included."""
    accuracy, whose = rule.accuracy, rule.attribution
    rows = [
        ("happened, asserted", f"{rule.n}, {rule.reports}"),
        ("told but not asserted, of them true", f"{rule.told.not_asserted}, {rule.told.not_asserted_true}"),
        ("recall", _interval(rule.recall)),
        *((f"recall, {name}", _interval(share)) for name, share in rule.recall_by_band.items()),
        ("recall with what is only told", _interval(rule.told.recall)),
        ("recall, observable, with what is only told", _interval(rule.told.recall_observable)),
        ("recall, observable vehicles", _interval(rule.recall_observable_vehicles)),
        *(
            (f"recall, observable, {name}", _interval(s))
            for name, s in rule.recall_observable_by_class.items()
        ),
        ("recall of violations, as violations", _interval(rule.recall_violation)),
        *((f"recall, {name}", _interval(share)) for name, share in rule.recall_by_class.items()),
        *((f"recall at {name}", _interval(share)) for name, share in rule.recall_by_speed.items()),
        *((f"recall in reach of {name}", _interval(s)) for name, s in rule.recall_by_sensor_type.items()),
        *((f"recall, {name} sensor types", _interval(s)) for name, s in rule.recall_by_sensor_mix.items()),
        *((f"recall, by {name}", _interval(share)) for name, share in rule.recall_by_party.items()),
        ("precision", _interval(rule.precision)),
        ("precision with what is only told", _interval(rule.told.precision)),
        ("precision of violations", _interval(rule.precision_violation)),
        ("false alarms, of them innocent causes", f"{len(rule.false_alarms)}, {len(rule.innocent)}"),
        ("false alarms a day and 100 km", _rate_interval(rule.false_alarm_rate)),
        ("splits, merges", f"{len(rule.splits)}, {len(rule.merges)}"),
        ("reports per happening", _ratio(rule.duplicates)),
        ("happenings per report", _ratio(rule.happenings_per_report)),
    ]
    if rule.count_ratio is not None:
        rows.append(
            (
                "counted / true, mean error",
                f"{rule.count_ratio:.2f}, {rule.count_error_mean or 0:.2f} of {rule.phenomena_true}",
            )
        )
    if rule.counts.happenings:
        counts = rule.counts
        rows += [
            ("observable: counted / noticed by a sensor", f"{_ratio(counts.of_noticed)} of {counts.noticed}"),
            ("observable: noticed by a sensor / true", f"{_ratio(counts.bound)} of {counts.true}"),
        ]
    if accuracy.location_m.n:
        rows.append(
            (
                "location error, median, 90 %",
                _spread(accuracy.location_m, "m"),
            )
        )
        rows += [(f"true place inside the {k} % ellipse", _interval(s)) for k, s in accuracy.inside.items()]
    rows.append(
        (
            "time error, median, 90 %",
            _spread(accuracy.time_s, "s"),
        )
    )
    if accuracy.delay_s.n:
        rows.append(
            (
                "delay to the final, median, 90 %",
                _spread(accuracy.delay_s, "s"),
            )
        )
    rows += [
        ("party right, where named", _interval(whose.right)),
        ("party undetermined", _interval(whose.undetermined)),
        ("innocents blamed on a party", _interval(whose.innocents_blamed)),
        ("wrong party given more than one half", _interval(whose.wrong_side)),
        ("party named, where determinable", _interval(whose.determinable.determined)),
        ("party right, where determinable and named", _interval(whose.determinable.right)),
    ]
    if whose.determinable.calibration.error is not None:
        rows.append(("calibration error of the party there", f"{whose.determinable.calibration.error:.3f}"))
    for title, calibration in (("party", whose.calibration), ("condition", whose.condition)):
        if calibration.n:
            rows.append((f"Brier score, {title}", f"{calibration.brier:.3f} of {calibration.n}"))
            rows += [
                (f"{title} stated {b.low:g}-{b.high:g}", f"came true {_interval(b.came_true)}")
                for b in calibration.table
            ]
    return rows


def detail_tables(score: Score) -> list[Table]:
    """One table a rule with every measure, for a terminal."""
    tables = []
    for rule in score.rules:
        table = Table(title=rule.rule_id, title_justify="left", show_header=False, box=None, pad_edge=False)
        table.add_column(style="cyan")
        table.add_column(justify="right")
        for name, value in detail_rows(rule):
            table.add_row(name, value)
        tables.append(table)
    return tables


def markdown(score: Score) -> str:
    """The whole score as a page of Markdown."""
    header = score.header
    lines = [
        f"# Score: {header.get('scenario', '?')}, seed {header.get('seed', '?')}",
        "",
        f"Engine {header.get('engine_version', '?')}, agreement {header.get('agreement_version', '?')}, "
        f"period from {header.get('from_ns')} to {header.get('to_ns')} (ns UTC).",
        "Intervals are of 95 % (Wilson). Figures are over asserted reports (probability at least one half, or none "
        "stated) unless they say otherwise.",
    ]
    if score.cases is not None:
        lines += ["", *(f"- {name}: {value}" for name, value in case_rows(score.cases))]
    for rule in score.rules:
        lines += ["", f"## {rule.rule_id}", "", "| measure | value |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in detail_rows(rule)]
    return "\n".join(lines) + "\n"
