"""What tests share: builders for valid records, and in-memory twins that pass the real things' contracts."""
