"""Flow 2: ask for it. Access requests and approvals (ARAP)."""
