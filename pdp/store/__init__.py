"""The one room that holds SQL: a database, and one file for each kind of thing kept in it.

Every function takes the `Session` of `engine.Database.read` or `.write` first and gives back
small frozen records, never a live row. Nothing here decides; it keeps, finds and compares.
"""
