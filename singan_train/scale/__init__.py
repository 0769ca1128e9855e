"""One scale: its networks, its steps and what they see, and its course of training."""
