"""Promotion: candidate against champion, the gate, a person's approval, and the aliases that follow."""
