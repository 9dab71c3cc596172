"""What the product knows, without any input or output: pure, standard library only."""
