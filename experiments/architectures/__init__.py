"""What experiments.architectures is made of: the search space, one training, tables, pictures."""
