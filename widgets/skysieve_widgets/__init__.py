"""What Skysieve draws in a notebook."""
