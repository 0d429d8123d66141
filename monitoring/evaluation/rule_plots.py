"""Plots of a score that stand beside recall: by what was there to see, false alarms, errors, counts, attribution."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from monitoring.evaluation.accuracy import Spread
from monitoring.evaluation.score import RuleScore, Score
from monitoring.evaluation.shares import Rate, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR_IN: Final = 0.19
"""Height of a bar's row (inches)."""
HEAD_IN: Final = 1.2


def interval_figure(
    new_figure: Any,
    score: Score,
    measure: str,
    bars: list[tuple[str, Share | Rate, str]],
    is_share: bool = True,
) -> "Figure":
    """A bar with its 95 % interval and n for each (label, value, colour); those without a value say so."""
    figure: Figure = new_figure(figsize=(9, HEAD_IN + BAR_IN * max(len(bars), 1)), layout="constrained")
    axes: Axes = figure.add_subplot()
    labels = []
    for at, (label, number, colour) in enumerate(bars):
        n = number.whole if isinstance(number, Share) else number.count
        labels.append(f"{label} (n = {n})" if number.value is not None else f"{label} (none)")
        if number.value is not None and number.low is not None and number.high is not None:
            errors = [[number.value - number.low], [number.high - number.value]]
            axes.barh(at, number.value, color=colour, alpha=0.6)
            axes.errorbar(number.value, at, xerr=errors, color="black", capsize=2, linewidth=1)
    _rows(axes, labels)
    axes.set_xlim(0, 1 if is_share else None)
    axes.set_xlabel(measure)
    axes.set_title(_title(score))
    return figure


def _rows(axes: "Axes", labels: list[str]) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="x", linewidth=0.3)


def _title(score: Score) -> str:
    return f"{score.header.get('scenario', '')}, seed {score.header.get('seed', '')}"


def _breakdown(new_figure: Any, score: Score) -> "Figure":
    """Recall of each rule by object, speed, side, and the sensors that had it in reach."""
    bars: list[tuple[str, Share | Rate, str]] = []
    for rule in score.rules:
        for colour, before, shares in (
            ("tab:blue", "", rule.recall_by_class),
            ("tab:green", "", rule.recall_by_speed),
            ("tab:purple", "in reach of ", rule.recall_by_sensor_type),
            ("tab:cyan", "sensor types in reach: ", rule.recall_by_sensor_mix),
            ("tab:olive", "by ", rule.recall_by_party),
        ):
            bars += [(f"{rule.rule_id}: {before}{name}", share, colour) for name, share in shares.items()]
    return interval_figure(new_figure, score, "recall, with 95 % interval", bars)


def _false_alarms(new_figure: Any, score: Score) -> "Figure":
    """False alarms a day and 100 km of each rule, and of each side where it is named."""
    bars: list[tuple[str, Share | Rate, str]] = []
    for rule in score.rules:
        bars.append((rule.rule_id, rule.false_alarm_rate, "tab:red"))
        sides = rule.false_alarm_rate_by_party.items()
        bars += [(f"{rule.rule_id}: of {name}", rate, "tab:pink") for name, rate in sides]
    measure = "false alarms a day and 100 km, with 95 % interval (n: false alarms)"
    return interval_figure(new_figure, score, measure, bars, is_share=False)


def _errors(new_figure: Any, score: Score) -> "Figure":
    """Median and 90 % of the error in place and time and of the delay, of each rule."""
    rules = score.rules
    figure: Figure = new_figure(figsize=(11, HEAD_IN + 0.5 + 0.3 * len(rules)), layout="constrained")
    measures: tuple[tuple[str, Callable[[RuleScore], Spread]], ...] = (
        ("location error (m)", lambda rule: rule.accuracy.location_m),
        ("time error (s)", lambda rule: rule.accuracy.time_s),
        ("delay to the final (s)", lambda rule: rule.accuracy.delay_s),
    )
    for column, (name, spread_of) in enumerate(measures):
        axes = figure.add_subplot(1, len(measures), column + 1)
        labels = []
        for at, rule in enumerate(rules):
            spread = spread_of(rule)
            labels.append(f"{rule.rule_id} (n = {spread.n})" if column == 0 else f"n = {spread.n}")
            if spread.median is not None and spread.p90 is not None:
                axes.plot([spread.median, spread.p90], [at, at], color="tab:blue", linewidth=1)
                axes.plot(spread.median, at, "o", color="tab:blue")
                axes.plot(spread.p90, at, "|", color="tab:blue", markersize=9)
        _rows(axes, labels)
        axes.set_xscale("symlog", linthresh=1.0)
        if not any(spread_of(rule).n for rule in rules):
            axes.text(
                0.5, 0.5, "not known of any report", transform=axes.transAxes, ha="center", color="grey"
            )
        longest = max((spread_of(rule).p90 or 0.0 for rule in rules), default=0.0)
        axes.set_xlim(0, max(2.0 * longest, 10.0))
        axes.set_xlabel(f"{name}: median, 90 %")
    figure.suptitle(_title(score))
    return figure


def _counts(new_figure: Any, score: Score) -> "Figure":
    """Recorded against true phenomena, and reports per happening and happenings per report, of each rule."""
    rules = score.rules
    figure: Figure = new_figure(figsize=(11, HEAD_IN + 0.5 + 0.3 * len(rules)), layout="constrained")
    measures: tuple[tuple[str, Callable[[RuleScore], float | None]], ...] = (
        ("counted / true", lambda rule: rule.count_ratio),
        ("counted / noticed by a sensor", lambda rule: rule.counts.of_noticed),
        ("reports per happening (splits)", lambda rule: rule.duplicates),
        ("happenings per report (merges)", lambda rule: rule.happenings_per_report),
    )
    for column, (name, value_of) in enumerate(measures):
        axes = figure.add_subplot(1, len(measures), column + 1)
        values = [value_of(rule) for rule in rules]
        known = [(at, value) for at, value in enumerate(values) if value is not None]
        axes.barh([at for at, _ in known], [value for _, value in known], color="tab:blue", alpha=0.6)
        axes.axvline(1.0, color="grey", linewidth=1)
        labels = [f"{rule.rule_id} (n = {rule.matched})" if column == 0 else "" for rule in rules]
        _rows(axes, labels)
        axes.set_xlabel(name)
    figure.suptitle(_title(score))
    return figure


def _attribution(new_figure: Any, score: Score) -> "Figure":
    """How often the named party was right, and how often none was named; of each rule what there was to be judged."""
    bars: list[tuple[str, Share | Rate, str]] = []
    for rule in score.rules:
        whose = rule.attribution
        bars += [
            (f"{rule.rule_id}: party right, where named", whose.right, "tab:blue"),
            (f"{rule.rule_id}: party undetermined", whose.undetermined, "tab:grey"),
            (f"{rule.rule_id}: right, where determinable and named", whose.determinable.right, "tab:green"),
            (f"{rule.rule_id}: innocents blamed on a party", whose.innocents_blamed, "tab:red"),
        ]
    judged = [bar for bar in bars if bar[1].value is not None]
    return interval_figure(new_figure, score, "share, with 95 % interval", judged)


RULE_PLOTS: Final[dict[str, Callable[[Any, Score], Any]]] = {
    "breakdown": _breakdown,
    "false_alarms": _false_alarms,
    "errors": _errors,
    "counts": _counts,
    "attribution": _attribution,
}
"""By the name of their file."""
