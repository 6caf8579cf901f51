"""Objects on a disk: a second, larger memory that is still there after a restart.

    DIR/2a/<hash of the key>     one object a file: a head with its key, header fields, birth, length and checksums, then its bytes
    DIR/2a/new-…                 one that is being written; a file gets its name when it is complete

Nothing is ever synced to the disk. A process that is killed leaves files that are whole, or called ``new-…``; a machine that loses its power may leave
anything, and the checksums find it. So no journal is needed, and no index: the folder is the index, read anew at each start.
"""
