"""The control API: accounts, catalogue, search, playlists, recommendations, stream grants, licences, play events.

`control_api.app` puts it together; `control_api.endpoint` says how one operation is described once and served,
checked and documented from that.
"""
