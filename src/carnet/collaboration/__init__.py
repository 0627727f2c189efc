"""Rooms for clients that share documents through Yjs: a bridge at the border. Of a notebook the session stays the only authority."""
