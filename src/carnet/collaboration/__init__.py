"""Rooms for clients that share a notebook through Yjs: a bridge at the border. The session stays the only authority."""
