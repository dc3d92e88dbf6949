"""Schedule of the proof."""
