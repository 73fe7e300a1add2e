"""The parts of experiments.sweep: the space, who proposes, the ledger, who trains, the report."""
