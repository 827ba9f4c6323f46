"""Values of training molecules: how much each one adds to models that are trained on random subsets."""
