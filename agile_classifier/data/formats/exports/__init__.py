"""Exports of annotation tools, a module a tool; `tools` lists them."""
