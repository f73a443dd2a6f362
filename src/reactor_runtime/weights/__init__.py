"""Sets of weights: where they lie, and how they get there whole or not at all."""
