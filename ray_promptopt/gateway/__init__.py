"""The interceptor: swaps a candidate's prompt in on the way to the model, and records the call."""
