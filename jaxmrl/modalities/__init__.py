"""What a model sees of a molecule, a folder each: features, their dataset on the device, models."""
