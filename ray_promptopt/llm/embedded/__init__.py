"""The package: pure pieces of the embedded models, and the server that serves them."""
