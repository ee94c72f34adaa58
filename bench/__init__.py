"""The benchmarks: every figure stands beside a ceiling measured in the same run."""
