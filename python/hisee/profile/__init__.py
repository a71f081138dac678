"""Where the time goes: the recorder that the engine host feeds. Presentation and advice come on top of it."""

from hisee.profile.recorder import Recorder, Row

__all__ = ["Recorder", "Row"]
