"""The customer's account: ``/account/{network}/…``."""
