"""The parts of `deeplab data check`: what is looked at, and what it says."""
