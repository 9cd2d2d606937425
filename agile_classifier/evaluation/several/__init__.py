"""Several labels a text: each looked at as a classifier of two classes, and the page that shows all of them."""
