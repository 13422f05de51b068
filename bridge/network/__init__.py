"""The WordPress side: the REST client of a network and what that network can do."""
