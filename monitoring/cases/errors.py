"""Why an action on a case is refused; the doors map each to one answer."""


class CaseError(Exception):
    """Base of every refusal of an action on a case."""


class NotFound(CaseError):
    """There is no such case, decision or account."""


class Conflict(CaseError):
    """The case changed since the person looked at it; `current_version` is what it is now."""

    def __init__(self, detail: str, current_version: int) -> None:
        super().__init__(detail)
        self.current_version = current_version


class Forbidden(CaseError):
    """The person may not do this: a role is missing, or the proposal is their own."""


class InvalidTransition(CaseError):
    """The case is in a state in which this cannot be done."""


class InvalidAction(CaseError, ValueError):
    """The action itself is malformed: an unknown word, an empty text."""
