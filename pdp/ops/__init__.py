"""Operations: the request gate, logs, metrics and health."""
