"""What we train on: one small file per idea."""
