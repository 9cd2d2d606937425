"""Who is hurt: which texts name which group of people, and how the model treats them beside the others."""
