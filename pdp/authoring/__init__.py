"""Tools for whoever writes policies."""
