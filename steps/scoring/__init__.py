"""Steps that score files and measure their drift."""
