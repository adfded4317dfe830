"""gitconfigmgr: layered YAML in Git, compiled to effective documents with the provenance of every value."""

__version__ = "0.1.0"
