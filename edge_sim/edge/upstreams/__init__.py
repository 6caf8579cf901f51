"""The servers behind the edge, in tiers: shields, if there are any, and behind them the origins.

    edge ──▶ shields ──▶ origins        the first healthy server in the order of the path's hash, then the next one, then the next tier

A request goes to one server of the first tier. When that one fails before it has answered, another of the tier is asked once, and then one of the
next tier; each time the retry budget must allow it. A server that fails again and again is left alone for a while.
"""
