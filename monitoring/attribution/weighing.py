"""Weighing: arguments and priors in, probabilities and a proposal out.

Log likelihoods, each raised to its weight, are added to the log priors and normalised. Then the weakest link holds a
party's probability back, and what is taken from it goes to the third or unknown actor:

- *nobody saw whose forces they were*: the probability is at most that the place lies beyond reach of the other
  party, plus `undecided_prob_max` of the rest; a place within reach decides nothing, an impact even less;
- *those who saw took them for others*, civilians or the other party: at most `undecided_prob_max`;
- *all sensors are in the other party's hands*: at most `one_host_prob_max`;
- *one sensor is all there is*: at most `one_sensor_prob_max`.

`party` is determined when a party's plain and staging hypotheses together reach `standard_prob` + `margin_prob`.
`confidence` is about the evidence base and enters no probability: `low` when a link holds the result back or there
is one sensor, `high` when sensors of several kinds are in both parties' hands or in neither's, else `medium`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp, fsum, log
from typing import Any, Final

from monitoring.agreement import Agreement
from monitoring.attribution import identity, place, sources
from monitoring.attribution.evidence import Argument, Evidence
from monitoring.attribution.hypotheses import IDS, OF_PARTY, OTHER, PARTIES, of_party

SHOWN_MAX: Final = 2
"""So many arguments are written out for and against each hypothesis, the strongest first."""
_NEUTRAL: Final = 1.05
"""A likelihood ratio nearer to one than this speaks neither for nor against."""


@dataclass(frozen=True)
class Weighed:
    """The outcome: probabilities by hypothesis and by party, the party if determined, and what stands behind it."""

    probabilities: Mapping[str, float]
    priors: Mapping[str, float]
    parties: Mapping[str, float]
    proposal: str
    confidence: str
    capped_by: str | None
    arguments: tuple[Argument, ...]

    @property
    def party(self) -> str | None:
        """`A`, `B`, or None = not determined."""
        return self.proposal if self.proposal in PARTIES else None

    @cached_property
    def text(self) -> str:
        """`detail.attribution` as canonical JSON, written directly: it is most of what a finding says in bytes."""
        priors = tuple([self.priors[name] for name in IDS])
        told = [_entries(argument, priors) for argument in self.arguments]
        hypotheses = ",".join(
            [
                f'{{"against":[{_strongest([by[at] for _, by in told])}],'
                f'"for":[{_strongest([by[at] for by, _ in told])}],'
                f'"id":"{name}","prior":{priors[at]!r},"probability":{round(self.probabilities[name], 4)!r}}}'
                for at, name in enumerate(IDS)
            ]
        )
        parties = ",".join(f'"{party}":{round(self.parties[party], 4)!r}' for party in sorted(self.parties))
        capped_by = json.dumps(self.capped_by, ensure_ascii=False)
        return (
            f'{{"capped_by":{capped_by},"confidence":"{self.confidence}","hypotheses":[{hypotheses}],'
            f'"parties":{{{parties}}},"proposal":"{self.proposal}"}}'
        )

    @property
    def as_json(self) -> dict[str, Any]:
        """`detail.attribution`."""
        read: dict[str, Any] = json.loads(self.text)
        return read


def weigh(evidence: Evidence, agreement: Agreement) -> Weighed:
    """Weighs all hypotheses against the evidence by the values in force at its time."""
    made = sorted(_arguments(evidence, agreement), key=lambda a: a.text)
    priors = agreement.value("attribution.prior", evidence.time_ns)
    posterior = _posterior(priors, made)
    threshold = _number(evidence, agreement, "standard_prob") + _number(evidence, agreement, "margin_prob")
    caps = _caps(evidence, agreement)
    held, capped_by = dict(posterior), {}
    for party in PARTIES:
        before = of_party(posterior, party)
        most, why = min(caps[party])
        if before > most:
            for name in OF_PARTY[party]:
                held[name] = posterior[name] * (most / before)
            capped_by[party] = why
    held["third"] = posterior["third"] + fsum(
        of_party(posterior, party) - of_party(held, party) for party in sorted(capped_by)
    )
    parties = {party: of_party(held, party) for party in PARTIES}
    proposal = "undetermined"
    for name, p in (*parties.items(), *((name, posterior[name]) for name in IDS[4:])):
        if p >= threshold:
            proposal = name
    leader = max(PARTIES, key=lambda party: of_party(posterior, party))
    return Weighed(
        held,
        priors,
        parties,
        proposal,
        _confidence(evidence, bool(capped_by)),
        capped_by.get(leader),
        tuple(made),
    )


def _arguments(evidence: Evidence, agreement: Agreement) -> Iterator[Argument]:
    yield from place.arguments(evidence, agreement)
    yield from identity.arguments(evidence, agreement)
    yield from sources.arguments(evidence)


def _posterior(priors: Mapping[str, float], made: Sequence[Argument]) -> dict[str, float]:
    """Sums are exactly rounded, so neither order nor the parties' names leave a trace in them."""
    logs = list(map(fsum, zip([log(priors[name]) for name in IDS], *(a.logs for a in made), strict=True)))
    most = max(logs)
    weights = [exp(value - most) for value in logs]
    whole = fsum(weights)
    return {name: weight / whole for name, weight in zip(IDS, weights, strict=True)}


def _caps(evidence: Evidence, agreement: Agreement) -> dict[str, list[tuple[float, str]]]:
    caps: dict[str, list[tuple[float, str]]] = {party: [(1.0, "")] for party in PARTIES}
    unnamed = [party for party in PARTIES if party not in identity.named_parties(evidence)]
    if unnamed:
        undecided = _number(evidence, agreement, "undecided_prob_max")
        sure = {} if evidence.said("affiliation") else place.beyond_reach(evidence, agreement)
        for party in unnamed:
            if party in sure:
                most = sure[party] + (1.0 - sure[party]) * undecided
                why = "Nobody saw whose forces they were; everything rests on the place."
            else:
                most = undecided
                why = f"Those who saw whose they were did not take them for forces of party {party}."
            caps[party].append((most, why))
    for party in PARTIES:
        if evidence.hosts == {OTHER[party]}:
            most = _number(evidence, agreement, "one_host_prob_max")
            why = f"Everything rests on sensors in the hands of party {OTHER[party]}."
            caps[party].append((most, why))
    if evidence.sensors <= 1:
        most = _number(evidence, agreement, "one_sensor_prob_max")
        for party in PARTIES:
            caps[party].append((most, "Everything rests on one sensor."))
    return caps


def _confidence(evidence: Evidence, is_capped: bool) -> str:
    if is_capped or evidence.sensors <= 1:
        return "low"
    is_mixed = len(evidence.hosts - {"none"}) > 1 or evidence.hosts == {"none"}
    return "high" if is_mixed and evidence.kinds > 1 else "medium"


def _ratios(argument: Argument, priors: Sequence[float]) -> list[float]:
    """How much more probable the argument is under each hypothesis than under all others together, in their order."""
    weight, of = argument.weight, argument.likelihoods
    likelihoods = [of[name] for name in IDS] if weight == 1.0 else [of[name] ** weight for name in IDS]
    whole = fsum(prior * own for prior, own in zip(priors, likelihoods, strict=True))
    return [
        own * (1.0 - prior) / (whole - prior * own) for prior, own in zip(priors, likelihoods, strict=True)
    ]


Entry = tuple[float, str, str]
"""An argument as it is shown: what it is sorted by, its sentence, its entry in a JSON list."""


@lru_cache(maxsize=512)
def _entries(argument: Argument, priors: tuple[float, ...]) -> tuple[list[Entry | None], list[Entry | None]]:
    """How an argument is shown for and against each hypothesis, None where it is not."""
    quoted = json.dumps(argument.text, ensure_ascii=False)
    favour: list[Entry | None] = [None] * len(IDS)
    against: list[Entry | None] = [None] * len(IDS)
    for at, ratio in enumerate(_ratios(argument, priors)):
        if ratio > _NEUTRAL or ratio < 1 / _NEUTRAL:
            entry = f'{{"argument":{quoted},"likelihood_ratio":{float(f"{ratio:.3g}")!r}}}'
            if ratio > _NEUTRAL:
                favour[at] = -ratio, argument.text, entry
            else:
                against[at] = ratio, argument.text, entry
    return favour, against


def _strongest(entries: Sequence[Entry | None]) -> str:
    """The strongest of some arguments, as the entries of a JSON list."""
    shown = [entry for entry in entries if entry is not None]
    if len(shown) > 1:
        shown.sort()
    return ",".join([entry for _, _, entry in shown[:SHOWN_MAX]])


def _number(evidence: Evidence, agreement: Agreement, name: str) -> float:
    return agreement.number(f"attribution.{name}", evidence.time_ns)
