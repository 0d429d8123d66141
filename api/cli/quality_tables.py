"""The published quality as tables that fit a terminal of 80 columns."""

from rich import box
from rich.table import Table

from api.quality import Measured, Quality


def quality_tables(known: Quality) -> list[Table]:
    """A table of the scenarios for each rule, ours beside naive, and one of A beside B."""
    first, last = known.seeds
    seeds = f"seed {first}" if first == last else f"seeds {first}-{last}"
    rule_ids = sorted({rule.rule_id for scenario in known.scenarios for rule in scenario.rules})
    tables = [_of_rule(known, rule_id) for rule_id in rule_ids]
    tables[0].caption = (
        f"engine {known.engine_version}, {known.date}, {seeds}; found = recall, right = precision, in "
        "% with 95 % intervals; false+split = reports of nothing + further reports of one happening; naive = "
        "found/right of a detector that joins nothing"
    )
    compared = {c.scenario for c in known.impartiality}
    return [*tables, *(_parties(known, scenario) for scenario in sorted(compared))]


def _parties(known: Quality, scenario: str) -> Table:
    table = _table(f"A beside B, {scenario}: chance, or a bias below p = 0.01 over all comparisons")
    for name in ("rule and measure", "A", "B", "p", ""):
        table.add_column(name, justify="right" if name in {"A", "B", "p"} else "left", no_wrap=True)
    told = ""
    for c in (c for c in known.impartiality if c.scenario == scenario):
        if c.rule_id != told:
            table.add_row(c.rule_id, "", "", "", "")
            told = c.rule_id
        show = _rate if c.measure == "false alarms" else _share
        verdict = "chance" if c.within_chance else "BIAS"
        table.add_row(f"  {c.measure}", show(c.a), show(c.b), f"{c.p:.2f}", verdict)
    return table


def _of_rule(known: Quality, rule_id: str) -> Table:
    table = _table(rule_id)
    table.add_column("scenario", no_wrap=True)
    for name in ("n", "found %", "miss", "right %", "false+split", "naive %"):
        table.add_column(name, justify="right", no_wrap=True)
    for scenario in known.scenarios:
        for rule in (rule for rule in scenario.rules if rule.rule_id == rule_id):
            table.add_row(
                scenario.name,
                str(rule.happenings),
                _share(rule.recall),
                str(rule.missed),
                _share(rule.precision),
                f"{rule.false_alarms}+{rule.splits}",
                f"{_percent(rule.naive.recall)}/{_percent(rule.naive.precision)}",
            )
    return table


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=0,
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"


def _share(value: Measured) -> str:
    return f"{_percent(value.value)} [{_percent(value.low)}, {_percent(value.high)}]" if value.n else "-"


def _rate(value: Measured) -> str:
    return "-" if value.value is None else f"{value.value:.2f}"
