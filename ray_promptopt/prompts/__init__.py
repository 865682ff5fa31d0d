"""Message patterns: what is static in an app's prompts, what is data, and how text is replaced."""
