"""Packs Servelab and its wheels for a host without a package index: make bundle.

__main__   the command line
profiles   what kinds of host there are, and what may be left out
wheels     fetching wheels, and reading what one says of itself
closure    that every dependency is in the bundle or on the host
trim       a wheel without some of its files
packing    the archive, its parts, their checksums
install    runs on the host, from a copy beside the parts: standard library only
"""
