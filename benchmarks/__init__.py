"""Benchmarks: time each stage of the main job and its usual alternative in turns."""
