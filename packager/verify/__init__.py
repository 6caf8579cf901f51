"""Verification: a published presentation judged from outside, by what a listener's player would fetch.

    report = await verify(address, find_key=store.find, master=path)
    for finding in report.findings:
        print(finding)

Everything is fetched once (`ours`, by presentation.json, or `others`, by manifests alone); after that, rules look at it. A rule is a function from the evidence to its violations, in
a book by what it is about: `described` (presentation.json against itself and the files), `structure` (the boxes by themselves),
`tracks` (CMAF, and what presentation.json tells), `common_encryption` and `protected` (the same two for encryption), `playlists`
and `mpd` (the manifests against the presentation), `agreement` (the manifests against each other), `sound` (what a decoder
hears), `start` (advice: how soon it can be heard). The manifests' own grammar is
judged by `manifests.rules`. All rules and their clauses: docs/verify-rules.md.

Nothing here reads the packager's memory: boxes are parsed from the bytes, samples are decoded by libav, which also
decrypts them itself.
"""
