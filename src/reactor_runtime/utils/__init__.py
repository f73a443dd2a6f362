"""Import path of published model code."""
