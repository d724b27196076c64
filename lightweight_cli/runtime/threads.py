"""How many threads run a model where nothing is said: apart from sessions, so that the help of every command starts without it."""

from __future__ import annotations

THREADS = 2
