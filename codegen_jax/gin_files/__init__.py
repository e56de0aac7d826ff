"""What gin files mean, once gin's parser has read them; nothing here imports gin."""
