"""The way of the data from accepted events to findings, incidents and filings, as one pure engine."""

from monitoring.agreement import Parameters
from monitoring.pipeline.engine import Engine, EngineOutput, StateTooNew
from monitoring.pipeline.reevaluation import FireArea, ReevaluationRequest, TrackSpan

__all__ = [
    "Engine",
    "EngineOutput",
    "FireArea",
    "Parameters",
    "ReevaluationRequest",
    "StateTooNew",
    "TrackSpan",
]
