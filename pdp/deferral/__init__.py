"""The OAuth API: what an authorization server asks, and the handles that its clients wait with."""
