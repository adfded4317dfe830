"""Secrets where they must not be, and secrets that are not what they should be. Pure functions over bytes and nodes."""
