"""What creates, starts, watches, restarts and deletes the machines of a run: a file a target."""
