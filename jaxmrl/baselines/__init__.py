"""Classical models of scikit-learn as replicas of the same learning curves, fitted in parallel worker processes."""
