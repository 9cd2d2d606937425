"""Explanations that a request asks for."""
