"""Formats of files of rows: each in a module, each a `RowFile`.

`agile_classifier.data.rows` says which suffix is which.
"""
