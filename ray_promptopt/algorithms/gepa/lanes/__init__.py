"""Schedule `async`: lanes find verified lessons, landings commit them in groups (docs/gepa.md)."""
