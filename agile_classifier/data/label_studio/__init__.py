"""Label Studio over its API: a project's labelling interface, its tasks, and the labels that came back."""
