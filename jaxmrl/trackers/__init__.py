"""Programs that record training: what a sweep reports to them, and adapters to three that are widely used."""
