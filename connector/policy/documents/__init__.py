"""Documents that people read and sign, printed from the policy that runs: the agreement and the reps' manual. Pure."""
