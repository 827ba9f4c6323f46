"""Programs that record trainings: what a sweep tells them, and adapters to three that are widely used."""
