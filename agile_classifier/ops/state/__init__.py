"""The state folder: where it lies, its databases, which project may open it."""
