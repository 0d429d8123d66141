"""Identity: what sensors said of whose forces these were.

A sensor of a type is wrong about affiliation in a stated share of cases, e (`affiliation_wrong_frac`). That it says
"A" has the likelihood

| A | A staging as B | B | B staging as A | third | natural | sensor fault | spoofing |
|--:|--:|--:|--:|--:|--:|--:|--:|
| 1 - e | 0.8 | e/2 | 0.2 | e/2 | e/2 | 0.3 | 0.5; 0.25 by a sensor that A hosts |

because disguise is seldom complete (one in five passes for the other party) and nobody forges evidence against
himself as readily as against others. "Civilian" and "monitor" speak for a third actor in the same way: third 1 - e,
parties e/2, staging 0.1, natural e/2, others 0.3.

Dependence: all reports of one sensor are one judgement. Each further sensor of the same type and host side counts
`repeat_weight` of the one before, because one cause may mislead them all; a thousand of them are worth two. What a
sensor in one party's hands says about the other is raised to `other_host_weight`. The registry knows no networks yet:
the host side stands for them.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from monitoring.agreement import Agreement
from monitoring.attribution.evidence import Argument, Evidence, repeated
from monitoring.attribution.hypotheses import OTHER, PARTIES, Likelihoods, for_side, stated

_TYPES: Final = {
    "eo_ir_tower": "camera tower",
    "uav_eo_ir": "camera aircraft",
    "uav_sar_gmti": "radar aircraft",
    "human_report": "human observer",
    "fibre_das": "fibre sensor",
    "muzzle_flash_ir": "flash detector",
    "rf_direction_finder": "radio direction finder",
}
"""What a type of sensor is called where its id with spaces would not do."""


def named_parties(evidence: Evidence) -> frozenset[str]:
    """The parties whose forces somebody saw."""
    return frozenset(evidence.words("affiliation")) & frozenset(PARTIES)


def arguments(evidence: Evidence, agreement: Agreement) -> Iterator[Argument]:
    """One argument for each affiliation that sensors of one type and host side stated."""
    wrong_frac = agreement.value("attribution.affiliation_wrong_frac", evidence.time_ns)
    repeat = agreement.number("attribution.repeat_weight", evidence.time_ns)
    from_other = agreement.number("attribution.other_host_weight", evidence.time_ns)
    for entry in evidence.said("affiliation"):
        kind, host, word = entry["type"], entry["host"], entry["word"]
        weight = repeated(int(entry["sensors"]), repeat)
        weight *= from_other if word in PARTIES and host == OTHER[word] else 1.0
        yield _argument(word, kind, host, int(entry["sensors"]), wrong_frac[kind], weight)


@lru_cache(maxsize=512)
def _argument(word: str, kind: str, host: str, count: int, wrong: float, weight: float) -> Argument:
    if word in PARTIES:
        likelihoods = _named(word, wrong, 0.25 if host == word else 0.5)
        what = f"forces of party {word}"
    else:
        likelihoods = _named_another(wrong)
        what = {"civilian": "civilian", "monitor": "the monitors' own"}[word]
    return Argument(f"{_who(kind, host, count)} took them for {what}.", likelihoods, weight)


def _named(party: str, wrong: float, forged: float) -> Likelihoods:
    """What "forces of `party`" says, by a sensor that is wrong so often and whose word is so easily forged."""
    says_a = stated(
        own=1.0 - wrong,
        staged=0.8,
        other=wrong / 2,
        other_staged=0.2,
        rest=wrong / 2,
        sensor_fault=0.3,
        spoofing=forged,
    )
    return for_side(party, says_a)


def _named_another(wrong: float) -> Likelihoods:
    """What "civilian" and "monitor" say."""
    says = stated(own=wrong / 2, staged=0.1, other=wrong / 2, other_staged=0.1, rest=0.3, third=1.0 - wrong)
    return says | {"natural": wrong / 2}


def _who(kind: str, host: str, count: int) -> str:
    word = _TYPES.get(kind, kind.replace("_", " "))
    hosted = "" if host == "none" else f" hosted by party {host}"
    return f"{'One sensor' if count == 1 else f'{count} sensors'} of type {word}{hosted}"
