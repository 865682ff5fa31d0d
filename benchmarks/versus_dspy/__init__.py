"""MIPRO side by side: this project's search and `dspy.MIPROv2` on the same models."""
