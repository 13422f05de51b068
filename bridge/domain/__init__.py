"""The pure rules: no clock, no database, no network, no settings."""
