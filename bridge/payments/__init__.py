"""The Stripe side: what planbridge asks Stripe for."""
