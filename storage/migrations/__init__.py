"""How a database grew: one file per change, in order. Written once, never edited after a release."""
