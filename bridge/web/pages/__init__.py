"""The pages: the customer's account and the operator's console, drawn by the server."""
