"""Step S2: which events are one happening.

Two levels. A *phenomenon* is one explosion, shot, flash … however many sensors recorded it; it counts once. An
*incident* is the activity of one firing group without a long pause or a move. What decides is local by
construction, so that cells can be worked on apart:

1. `readings`: fire events with place, error and order;
2. `runs`: inside a fixed square of a kilometre, fire without a long pause is a run (the only memory in time);
3. `stars`: runs beside each other join the earliest one of their neighbourhood, in a fixed number of rounds;
4. `joining`: imprecise reports join the run of the nearest precise one and never found anything;
5. `parts`: groups that fire by turns from different places, and where shells fell, are apart inside one activity;
6. `linking`: a sensor's own statement joins launches with their impacts, whatever lies between, and `flights` joins
   impacts with the launches that other sensors saw a time of flight before;
7. `phenomena`, `location` and `summary`: what was recorded, how often, where, by whom; `evidence`: how probable it is;
8. `movement`: findings of tracks that are one excursion of one object or group.
"""

from monitoring.incidents.amending import amend
from monitoring.incidents.readings import anchors
from monitoring.incidents.state import IncidentOutput, IncidentState
from monitoring.incidents.step import HALO_M, start, step

__all__ = ["HALO_M", "IncidentOutput", "IncidentState", "amend", "anchors", "start", "step"]
