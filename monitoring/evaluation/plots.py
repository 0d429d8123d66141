"""Plots of a score as SVG. The same score gives the same bytes. Needs matplotlib (`contactline[eval]`)."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitoring.evaluation.attribution import Calibration
from monitoring.evaluation.rule_plots import RULE_PLOTS, interval_figure
from monitoring.evaluation.score import RuleScore, Score
from monitoring.evaluation.shares import Rate, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SALT: Final = "contactline"
PANELS_ACROSS: Final = 3
BAND_ORDER: Final = ("observable", "in_reach", "out_of_reach")


class PlotsUnavailable(RuntimeError):
    """Matplotlib is not installed; says what to install."""


def write_plots(score: Score, folder: Path) -> list[Path]:
    """Writes `recall.svg`, `honesty.svg`, the plots of `RULE_PLOTS` and, where probabilities were stated,
    `reliability.svg`; their paths.

    Raises PlotsUnavailable without matplotlib.
    """
    try:
        mpl: Any = import_module("matplotlib")
        new_figure: Any = import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise PlotsUnavailable("plots need matplotlib: pip install 'contactline[eval]'") from error
    settings = {"svg.hashsalt": SALT, "svg.fonttype": "none", "font.size": 9}
    written = []
    with mpl.rc_context(settings):
        figures: dict[str, Figure] = {}
        if score.rules:
            figures["recall"] = _recall(new_figure, score)
            figures |= {name: draw(new_figure, score) for name, draw in RULE_PLOTS.items()}
            figures["honesty"] = _honesty(new_figure(figsize=(9, 4.5), layout="constrained"), score)
        stated = [
            (rule, name, calibration)
            for rule in score.rules
            for name, calibration in (
                ("party", rule.attribution.calibration),
                ("condition", rule.attribution.condition),
            )
            if calibration.n
        ]
        if stated:
            figures["reliability"] = _reliability(new_figure, stated)
        for name, figure in figures.items():
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None, "Creator": None})
            written.append(path)
    return written


def _recall(new_figure: Any, score: Score) -> "Figure":
    """Recall by band and precision of each rule, with intervals and n."""
    bars: list[tuple[str, Share | Rate, str]] = []
    for rule in score.rules:
        shares = [("recall", rule.recall)]
        shares += [
            (f"recall, {band}", rule.recall_by_band[band])
            for band in BAND_ORDER
            if band in rule.recall_by_band
        ]
        shares.append(("precision", rule.precision))
        if rule.told.not_asserted:
            shares.append(("recall, observable, all told", rule.told.recall_observable))
            shares.append(("precision, all told", rule.told.precision))
        bars += [
            (f"{rule.rule_id}: {name}", share, "tab:orange" if "precision" in name else "tab:blue")
            for name, share in shares
        ]
    return interval_figure(new_figure, score, "share, with 95 % interval", bars)


def _honesty(figure: "Figure", score: Score) -> "Figure":
    """Share of true places inside the ellipses that should hold 50, 90 and 95 % of them."""
    axes: Axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="honest")
    for rule in score.rules:
        known = [
            (int(level) / 100, share)
            for level, share in rule.accuracy.inside.items()
            if share.value is not None
        ]
        if known:
            _points(axes, [(level, share) for level, share in known], _label(rule, known[0][1].whole))
    axes.set_xlabel("stated probability of the ellipse")
    axes.set_ylabel("true places inside")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def _reliability(new_figure: Any, stated: list[tuple[RuleScore, str, Calibration]]) -> "Figure":
    """Stated probabilities against how often they came true, a panel for each rule."""
    rules = list(dict.fromkeys(rule.rule_id for rule, _, _ in stated))
    down = -(-len(rules) // PANELS_ACROSS)
    figure: Figure = new_figure(figsize=(3.4 * PANELS_ACROSS, 0.4 + 3.2 * down), layout="constrained")
    for number, rule_id in enumerate(rules):
        axes: Axes = figure.add_subplot(down, PANELS_ACROSS, number + 1)
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
        for rule, name, calibration in stated:
            if rule.rule_id == rule_id:
                points = [(b.mean_stated, b.came_true) for b in calibration.table]
                _points(axes, points, f"{name} (n = {calibration.n}), Brier {calibration.brier:.3f}")
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.35)
        axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
        axes.set_title(rule_id)
        axes.legend(fontsize=7, loc="upper left")
    figure.supxlabel("stated")
    figure.supylabel("came true, with 95 % interval")
    return figure


def _points(axes: "Axes", points: list[tuple[float, Share]], label: str) -> None:
    known = [(x, s.value, s.low, s.high) for x, s in points if None not in (s.value, s.low, s.high)]
    x = [p[0] for p in known]
    y = [p[1] or 0.0 for p in known]
    below = [(p[1] or 0.0) - (p[2] or 0.0) for p in known]
    above = [(p[3] or 0.0) - (p[1] or 0.0) for p in known]
    axes.errorbar(x, y, yerr=[below, above], marker="o", capsize=3, linewidth=1, label=label)


def _label(rule: RuleScore, n: int) -> str:
    return f"{rule.rule_id} (n = {n})"
