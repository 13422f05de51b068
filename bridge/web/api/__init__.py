"""The JSON API under ``/v1``, for operators and agencies' developers."""
