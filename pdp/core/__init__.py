"""The pure rules: values in, values out. Nothing here knows of HTTP, SQL, Cedar or the clock."""
