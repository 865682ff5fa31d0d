"""The nouns that every room shares. Imports no other room, no I/O, no Ray."""
