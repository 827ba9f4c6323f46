"""Files of anyone's learning curves, and what the names in them mean."""
