"""The admin API: entities, policy state, decision log, keys and the outbox."""
