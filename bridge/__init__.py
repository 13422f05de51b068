"""planbridge: plan changes, payments and limits for WordPress multisite networks."""

__version__ = "0.1.0"
