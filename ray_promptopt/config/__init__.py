"""TOML to a frozen, checked `RunConfig`: schema, loader, supported models, resolved dump."""
