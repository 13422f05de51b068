"""The resources of Stripe's API, one module for each noun."""
