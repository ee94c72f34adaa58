"""Who calls, with which keys this server signs, and how it reaches out."""
