"""The upgrade engine: one durable workflow per change."""
