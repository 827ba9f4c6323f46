"""Programs that record training: what commands report to them, and adapters to three that are widely used."""
