"""Installs Servelab and runs all its processes; standard library only.

__main__   the command line: python3 -m launcher run | setup
install    virtual environment and packages, before anything else is there
packages   which set of packages this machine gets, and why
nvidia     the NVIDIA driver and its cards, asked in a process of their own
stack      which processes run, in which order, and how they end
children   one child process, and the guard that outlives the launcher
valkey     the embedded Redis-compatible server
preparation  migrations and chapters, skipped while nothing changed
stages     what the terminal shows
"""
