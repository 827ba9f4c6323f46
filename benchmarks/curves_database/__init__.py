"""Learning curves of molecular models, measured with jaxmrl, and the prior that is fitted to them."""
