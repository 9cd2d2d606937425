"""One verb a file; glue between the artifacts and the domain."""
