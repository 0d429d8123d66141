"""Step S1: the fixes of each object in time order, where they lie relative to the line, and which steps
cross it."""
