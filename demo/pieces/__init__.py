"""The three pieces of the album, one a file: their notes, their players, their room."""
