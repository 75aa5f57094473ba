"""Files of records, whatever their form: a medium (a picture, a sound) and named fields, at random access."""

from lumina.data.sources.captions import caption_pool
from lumina.data.sources.find import open_sources
from lumina.data.sources.parts import Parts
from lumina.data.sources.source import Absent, Fields, Source, Wanted

__all__ = ["Absent", "Fields", "Parts", "Source", "Wanted", "caption_pool", "open_sources"]
