"""Labels: how annotators' scores, classes in a column, or columns of kinds become labels 0, 1, …"""
