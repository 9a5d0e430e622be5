"""Every stage of the main job beside what one would otherwise run, timed in turns."""
