"""Bytes of one file -> rows of text, one module a format. They know how a file is written, not what it means.

A fault of one row is kept with the row's number; a fault of the file raises Unreadable.
"""
