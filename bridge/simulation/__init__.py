"""The service on a clock that jumps ahead, with stand-ins around it."""
