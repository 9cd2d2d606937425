"""Sections of how a moderation team decides: in bands, against evasion, by a candidate in the shadow."""
