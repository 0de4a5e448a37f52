"""The messages and the stub as generated from `proto/llm_shield/v1`, for what the client above does not offer."""
