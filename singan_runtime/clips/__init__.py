"""Animations: the walk through noise space, the clip, the motion of a finished picture."""
