"""What happens after a transaction: the outbox's runner, its handlers, timers and retention."""
