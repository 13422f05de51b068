"""E-mail to customers: what is told, in their language, each thing once."""
