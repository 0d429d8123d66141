"""Sources: what class of weapon, how many independent sources and in whose hands say of accident, fault and forgery.

*Class.* Guns, rocket launchers, tanks, other armour, air defence and aircraft are, as a rule, in the hands of the
parties: third 0.1, natural 0.02, sensor fault 0.5, all others 1.

*Launch.* Reports made at the weapon ("outgoing", a launch on a radar): natural 0.05, sensor fault 0.5.

*Number of sources.* That sensors erred alike by themselves: 0.1 for each further type of sensor or host side, 0.3 for
each further sensor of the same, not below 0.001. Of movement 0.1 at once: a track is many fixes.

*Hands.* That somebody made them report it: 0.1 where sensors hosted by both parties agree, 0.5 where several sensors
in one party's hands do, otherwise 1.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from monitoring.attribution.evidence import HEAVY, Argument, Evidence
from monitoring.attribution.hypotheses import IDS

_CALIBRE_MM: Final = 100.0
_FAULT_MIN: Final = 0.001
_ALIKE: Final = dict.fromkeys(IDS, 1.0)


def arguments(evidence: Evidence) -> Iterator[Argument]:
    """Arguments from class, launch, number and hands of the sources."""
    calibres = [float(word) for word in evidence.words("calibre")]
    if evidence.object_class in HEAVY or max(calibres, default=0.0) >= _CALIBRE_MM:
        what = (
            evidence.object_class.replace("_", " ")
            if evidence.object_class in HEAVY
            else "calibre from 100 mm on"
        )
        yield _with(
            f"The class ({what}) is one that only the parties' forces have, as a rule.",
            third=0.1,
            natural=0.02,
            sensor_fault=0.5,
        )
    if evidence.said("origin"):
        yield _with("Sensors recorded the launch, not only an explosion.", natural=0.05, sensor_fault=0.5)
    fault = (
        (0.1 if evidence.kind == "movement" else 1.0)
        * 0.1 ** (evidence.kinds - 1)
        * 0.3 ** max(evidence.sensors - evidence.kinds, 0)
    )
    if fault < 1.0:
        count = (
            "A track of many fixes"
            if evidence.sensors == 1
            else f"{evidence.sensors} sensors of {evidence.kinds} independent kinds"
        )
        yield _with(f"{count} recorded it.", sensor_fault=max(fault, _FAULT_MIN))
    hosted = evidence.hosts - {"none"}
    if len(hosted) > 1:
        yield _with("Sensors in the hands of both parties recorded it.", spoofing=0.1)
    elif evidence.sensors > 1:
        yield _with("Several sensors recorded it.", spoofing=0.5)


@lru_cache(maxsize=512)
def _with(text: str, **named: float) -> Argument:
    return Argument(text, {**_ALIKE, **named})
