"""What training tells: the log, the progress, pictures, plots and a summary."""
