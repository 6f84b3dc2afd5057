"""Whole runs: what the commands call, and a notebook too.

`training` needs torch; `evaluation` and `crf` only for a checkpoint. So nothing is imported here:
`from deeplab.runs import evaluation`.
"""
