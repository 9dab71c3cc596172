"""What benchmarks share: figures and their table, conditions, the product as a process."""
