"""The bodies of commands: each takes the settings and gives its exit status and what to print."""
