"""The player page: static files, and the one function that finds them."""
