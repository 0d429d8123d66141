"""The agreement in force: clauses and dated values, read from one YAML file and checked at the start.

>>> from monitoring.agreement import Agreement
>>> minimal = Agreement.load("minimal")
>>> minimal.value("association.gap_s", 0)
600.0
>>> minimal.clause("line_crossing").id
'1.1'
"""

from monitoring.agreement.agreement import DEFAULT, Agreement, Clause, Reporting
from monitoring.agreement.catalogue import REFERENCE_LINE, Parameter, Value
from monitoring.agreement.checking import AgreementInvalid
from monitoring.agreement.notices import Notices
from monitoring.agreement.parameters import Parameters, SensorFacts
from monitoring.agreement.published import agreement_schema
from monitoring.agreement.published_terms import notices_schema
from monitoring.agreement.terms import Permission, Terms

__all__ = [
    "DEFAULT",
    "REFERENCE_LINE",
    "Agreement",
    "AgreementInvalid",
    "Clause",
    "Notices",
    "Parameter",
    "Parameters",
    "Permission",
    "Reporting",
    "SensorFacts",
    "Terms",
    "Value",
    "agreement_schema",
    "notices_schema",
]
