"""What is installed on this machine, what works of it, and what installs the rest."""
