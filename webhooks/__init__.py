"""What comes in from Stripe: signature, inbox, one handler per event type."""
