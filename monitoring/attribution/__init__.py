"""Attribution: whose deed a happening was, as competing hypotheses weighed against each other.

Pure: findings and incidents in, the same findings and incidents out, with a party where one is determined. What comes
out is a proposal; only people attribute. How it is reckoned:

- `hypotheses`: what could have been, with equal, published priors for both parties;
- `place`, `identity`, `sources`: stated models that turn an incident's statements into arguments, each a likelihood
  for every hypothesis and a sentence;
- `weighing`: arguments combined, held back by the weakest link, and written out for and against;
- `proposals`: applied to tables of findings and incidents.
"""

from monitoring.attribution.evidence import Evidence
from monitoring.attribution.proposals import as_judged, attribute
from monitoring.attribution.weighing import Weighed, weigh

__all__ = ["Evidence", "Weighed", "as_judged", "attribute", "weigh"]
