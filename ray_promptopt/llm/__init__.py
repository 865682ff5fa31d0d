"""Model providers: chat bodies, prices, retries, the client; and the embedded models."""
