"""Annotations of other tools (COCO JSON, labelme, CVAT, Label Studio), painted as label maps."""
