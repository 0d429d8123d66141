"""Plots of a score as SVG. The same score gives the same bytes. Needs matplotlib (`contactline[eval]`)."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitoring.evaluation.attribution import Calibration
from monitoring.evaluation.score import RuleScore, Score
from monitoring.evaluation.shares import Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SALT: Final = "contactline"
BAND_ORDER: Final = ("observable", "in_reach", "out_of_reach")


class PlotsUnavailable(RuntimeError):
    """Matplotlib is not installed; says what to install."""


def write_plots(score: Score, folder: Path) -> list[Path]:
    """Writes `recall.svg`, `honesty.svg` and, where probabilities were stated, `reliability.svg`; their paths.

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
            figures["recall"] = _recall(
                new_figure(figsize=(8, 1 + 0.9 * len(score.rules)), layout="constrained"), score
            )
            figures["honesty"] = _honesty(new_figure(figsize=(5, 4), layout="constrained"), score)
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
            figures["reliability"] = _reliability(new_figure(figsize=(5, 5), layout="constrained"), stated)
        for name, figure in figures.items():
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None, "Creator": None})
            written.append(path)
    return written


def _recall(figure: "Figure", score: Score) -> "Figure":
    """Recall by band and precision of each rule, with intervals and n."""
    axes: Axes = figure.add_subplot()
    labels: list[str] = []
    for rule in score.rules:
        bars = [
            (f"recall, {band}", rule.recall_by_band[band])
            for band in BAND_ORDER
            if band in rule.recall_by_band
        ]
        bars.append(("precision", rule.precision))
        if rule.told.not_asserted:
            bars.append(("recall, observable, all told", rule.told.recall_observable))
            bars.append(("precision, all told", rule.told.precision))
        for name, share in bars:
            _interval_bar(axes, len(labels), share, "tab:orange" if "precision" in name else "tab:blue")
            labels.append(f"{rule.rule_id}: {name} (n = {share.whole})")
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share, with 95 % interval")
    axes.set_title(f"{score.header.get('scenario', '')}, seed {score.header.get('seed', '')}")
    return figure


def _interval_bar(axes: "Axes", at: float, share: Share, colour: str) -> None:
    if share.value is None or share.low is None or share.high is None:
        return
    errors = [[share.value - share.low], [share.high - share.value]]
    axes.barh(at, share.value, color=colour, alpha=0.6)
    axes.errorbar(share.value, at, xerr=errors, color="black", capsize=3, linewidth=1)


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
    axes.legend()
    return figure


def _reliability(figure: "Figure", stated: list[tuple[RuleScore, str, Calibration]]) -> "Figure":
    """Stated probabilities against how often they came true."""
    axes: Axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="calibrated")
    for rule, name, calibration in stated:
        points = [(b.mean_stated, b.came_true) for b in calibration.table]
        _points(axes, points, f"{_label(rule, calibration.n)}, {name}, Brier {calibration.brier:.3f}")
    axes.set_xlabel("stated")
    axes.set_ylabel("came true")
    axes.legend()
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
