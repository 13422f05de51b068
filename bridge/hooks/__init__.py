"""Signed events to the operator's own systems (https://www.standardwebhooks.com)."""
