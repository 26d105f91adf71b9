"""The REST interface, one file per resource."""
