"""What evaluations rest on, and what they found."""
