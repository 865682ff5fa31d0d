"""MIPRO: demonstrations and proposed instructions, searched by TPE (arXiv 2406.11695)."""
