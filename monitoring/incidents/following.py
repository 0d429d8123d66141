"""Following: from a track to those that are the same object, and on from these, until no further one is found.

Where each track leads is asked for one after the other, because an object that is known ends the way. Most of the
questions can be foreseen, though, and many are answered at once in much less time than one by one (`Foresight`); one
that was not foreseen is answered when it comes.
"""

from collections.abc import Container, Iterator, Sequence
from typing import Final

from monitoring.incidents.same_object import Asked, Match, Rules, matches_of_each
from monitoring.incidents.sketchbook import Sketchbook

CHAIN_MOST: Final = 12
"""At most so many tracks are followed for one finding."""


class Foresight:
    """Answers of `matches_of_each`, those that were asked for ahead and others."""

    def __init__(self, book: Sketchbook) -> None:
        self._book = book
        self._answers: dict[Asked, list[Match]] = {}

    def matches(self, asked: Asked) -> list[Match]:
        """The answer to one question."""
        if asked not in self._answers:
            self._ask([asked])
        return self._answers[asked]

    def look_ahead(self, firsts: Sequence[Asked], known: Container[int]) -> None:
        """Asks what `followed` will ask for the first tracks of chains, which come in this order and are not `known`.

        A track that is in the chain of one before it will be known when it comes.
        """
        self._ask(firsts)
        chains: list[tuple[Asked, list[int]]] = []
        home: dict[int, int] = {}
        for first in firsts:
            if first.key not in home:
                chain = [first.key]
                self._grow(chain, first)
                for track in chain:
                    home.setdefault(track, len(chains))
                chains.append((first, chain))
        begun, at = list(range(len(chains))), [1] * len(chains)
        while begun:
            ahead = {
                i: [
                    step
                    for step in range(at[i], min(len(chains[i][1]), CHAIN_MOST))
                    if chains[i][1][step] not in known and home.get(chains[i][1][step], i) >= i
                ]
                for i in begun
            }
            asked = {
                i: [_from(chains[i][0], chains[i][1], step) for step in steps] for i, steps in ahead.items()
            }
            self._ask([one for questions in asked.values() for one in questions])
            for i, questions in asked.items():
                at[i] = min(len(chains[i][1]), CHAIN_MOST)
                for one in questions:
                    self._grow(chains[i][1], one)
                for track in chains[i][1]:
                    home[track] = min(home.get(track, i), i)
            begun = [i for i, questions in asked.items() if questions]

    def _ask(self, asked: Sequence[Asked]) -> None:
        self._answers.update(zip(asked, matches_of_each(self._book, asked), strict=True))

    def _grow(self, chain: list[int], asked: Asked) -> None:
        chain.extend(match.key for match in self._answers[asked] if match.key not in chain)


def followed(
    chain: list[int], known: Container[int], now_ns: int, foresight: Foresight, rules: Rules
) -> Iterator[int]:
    """The tracks that are the same object as the first of `chain`, from track to track, nearest first.

    They are noted in `chain`. What lies beyond a track in `known` is known with it.
    """
    at, first = 0, Asked(chain[0], now_ns, rules)
    while at < min(len(chain), CHAIN_MOST):
        if at == 0 or chain[at] not in known:
            for match in foresight.matches(_from(first, chain, at)):
                if match.key not in chain:
                    chain.append(match.key)
                    yield match.key
        at += 1


def _from(first: Asked, chain: Sequence[int], at: int) -> Asked:
    """The question where a chain leads from one of its tracks."""
    return first._replace(key=chain[at], company=tuple(chain[:at]))
