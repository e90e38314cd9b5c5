"""Logs as they are held: the own one, mirrors of peers', and C2SP submission to a mirror."""
