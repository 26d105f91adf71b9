"""Bundles: everything that a type of board installs, collected into one archive, so that the board needs no network."""
