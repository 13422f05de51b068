"""Tables, sessions, migrations and every query."""
