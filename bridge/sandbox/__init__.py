"""A faithful stand-in network and a signer of Stripe events, for the demo and the tests."""
