"""Hostile, damaged and odd models, made by small generators; test_hostile.py takes them through every pass."""
