"""The forms in which the record is kept: frames, hash chain, commitments, typed payloads.

Everything here is pure: bytes in, bytes out. Files are written by `monitoring.adapters`.
"""
