"""What a trained checkpoint says of text."""
