"""Recall by what matters for being seen: band of detection, object, speed, and which sensors were in reach."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from monitoring.evaluation.shares import Share
from monitoring.simulation.truth import Happening

SPEEDS_MPS: Final = (2.0, 8.0, 20.0)
"""Edges of the speed classes: on foot, crawling vehicles, driving vehicles, aircraft."""


def recall_by(
    happenings: list[Happening], found: set[int], classes: Callable[[Happening], Iterable[str]]
) -> dict[str, Share]:
    """Recall among the happenings of each class; a happening may be in several. Sorted by class."""
    whole: Counter[str] = Counter()
    part: Counter[str] = Counter()
    for i, happening in enumerate(happenings):
        for name in classes(happening):
            whole[name] += 1
            part[name] += i in found
    return {name: Share.of(part[name], whole[name]) for name in sorted(whole)}


def bands(happening: Happening) -> Iterable[str]:
    """How well it could be observed."""
    return (happening.band,)


def classes(happening: Happening) -> Iterable[str]:
    """What it was."""
    return (happening.object_class,)


def parties(happening: Happening) -> Iterable[str]:
    """Whose it was, where it was anybody's."""
    return () if happening.party == "none" else (happening.party,)


def speeds(happening: Happening) -> Iterable[str]:
    """The speed class, for what moves.

    >>> from types import SimpleNamespace
    >>> list(speeds(SimpleNamespace(speed_mps=3.0)))
    ['2-8 m/s']
    """
    speed = happening.speed_mps
    if speed is None:
        return ()
    for low, high in zip((0.0, *SPEEDS_MPS), SPEEDS_MPS, strict=False):
        if speed < high:
            return (f"{low:g}-{high:g} m/s",)
    return (f"over {SPEEDS_MPS[-1]:g} m/s",)


def sensor_types(happening: Happening) -> Iterable[str]:
    """Each sensor type that had a chance to see it."""
    return happening.sensor_types or ("none",)


def sensor_mix(happening: Happening) -> Iterable[str]:
    """How many sensor types had a chance to see it."""
    count = len(happening.sensor_types)
    return ("4 or more" if count >= 4 else str(count),)
