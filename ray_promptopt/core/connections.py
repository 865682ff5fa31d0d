"""What every HTTP client of this package agrees on."""

IDLE_CONNECTION_S = 4.0
"""How long an unused connection is kept: less than the 5 s after which uvicorn, the server of most
task apps and local models, closes it, or now and then a request would be sent into the closing."""
