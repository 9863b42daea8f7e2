"""What is shown of a run: progress, trace, snapshots, timelapse, figures."""
