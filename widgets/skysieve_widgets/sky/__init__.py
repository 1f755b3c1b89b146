"""What a map of the sky is made of: positions, regions and probabilities, and how they come onto the paper.

Nothing here is live: :mod:`skysieve_widgets.sky_map` is.
"""
