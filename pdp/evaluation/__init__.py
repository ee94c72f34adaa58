"""Flow 1: may this happen? The AuthZEN Authorization API 1.0 over Cedar."""
