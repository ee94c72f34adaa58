"""The revisions of the database, applied in order and never backwards."""
