"""Edits of an image of the user's: harmonize, edit, paint, upscale, retarget."""
