"""Where steps run: the stacks, and what each needs."""
