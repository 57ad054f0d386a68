"""How a server answers, and what it refuses."""

import math
from dataclasses import dataclass, field

from facealign.aligner.many import core_count
from facealign.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How a server answers, and what it refuses.

    Attributes:
        model: of requests that name none.
        device: what the networks run on, one of `models.DEVICES`.
        slots: requests processed at a time, each on one thread.
        queue: requests that may wait for a slot; more are answered with 503.
        timeout: seconds for reading a request, and again for answering it.
        max_megabytes: of a request's body.
        max_megapixels: of a picture.
        max_images: pictures a request.
        token: what `Authorization: Bearer …` must say; None asks for none.
        origins: of other sites' pages that may call it (CORS).
        page: also serve the page of `facealign web`.

    Raises:
        SettingsError: a number is out of range.
    """

    model: str = "default"
    device: str = "cpu"
    slots: int = field(default_factory=core_count)
    queue: int = 16
    timeout: float = 30.0
    max_megabytes: float = 10.0
    max_megapixels: float = 40.0
    max_images: int = 16
    token: str | None = None
    origins: tuple[str, ...] = ()
    page: bool = True

    def __post_init__(self) -> None:
        least = {"slots": 1, "queue": 0, "max_images": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise SettingsError(f"{name} is {low} or more, not {getattr(self, name)}")
        for name in ("timeout", "max_megabytes", "max_megapixels"):
            if not 0 < getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is above 0, not {getattr(self, name)}")
        if self.token is not None and not self.token.strip():
            raise SettingsError("the token is empty: give one, or none at all")

    @property
    def max_bytes(self) -> int:
        """Of a request's body."""
        return round(self.max_megabytes * 1e6)

    @property
    def max_pixels(self) -> int:
        """Of a picture."""
        return round(self.max_megapixels * 1e6)
