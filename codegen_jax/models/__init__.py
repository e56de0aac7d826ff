"""The network and the masks it is handed."""
