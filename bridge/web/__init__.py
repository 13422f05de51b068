"""The FastAPI application: JSON API, later the pages."""
