"""Servers of ours under abuse: connections that are held, and memory over many requests and promotions."""
