"""Protocols of other worlds, for applications that speak them already: read-only, off by default, a listener each.

A protocol is a pure function of what may be given away and a request. `front` has everything that is the same for all.
"""
