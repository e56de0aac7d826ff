"""What we ask: one small file per question."""
