"""The operator's console: ``/console/…``."""
