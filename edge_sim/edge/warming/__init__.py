"""Having objects before they are asked for: next segments, the next song, what rises, what neighbours play, what people order.

Each part decides what is worth it, in a file of its own, and each can be left out:

    prefetch.py    the next segments of a rendition that somebody began or missed
    next_song.py   what a player says that it will want next (CMCD ``nor``)
    velocity.py    songs whose streams per minute rise: whole, and held in memory for a while
    popular.py     which songs are played most here, and what is played most elsewhere
    song.py        which objects of a song make its start, and which the whole of it

`queue.py` fetches what they want, a few at a time behind the listeners' own fetches, and `ledger.py` knows what came of it.
"""
