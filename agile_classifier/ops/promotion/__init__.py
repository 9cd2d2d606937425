"""Candidate against champion: the gate, the decision, a person's approval, the aliases."""
