"""Functional tests: texts whose class is known, grouped by what they ask of a model, and how many it must get right.

Röttger et al. (2021), "HateCheck: Functional Tests for Hate Speech Detection Models", arXiv 2012.15606.
"""
