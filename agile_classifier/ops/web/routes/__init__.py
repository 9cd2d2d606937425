"""Routes of the launcher, by what they are about: configs and launches, files, models."""
