"""Volumes on the WGS84 ellipsoid, and whether they come too near: values and kernels."""
