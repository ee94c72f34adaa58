"""Cedar: loading, checking, slicing and asking the engine."""
